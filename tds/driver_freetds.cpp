#include "tds/driver_freetds.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sybdb.h>
#include <sybfront.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <utility>

namespace holdfast::tds {

namespace {

// A host that is down answers nothing: connects to it are given up early, so that it is found when it is
// back.
constexpr Duration knock_max = Duration::millis(250);

// What went wrong in the call under way on this thread: db-lib tells its handlers, not its caller.
thread_local std::string complaint;
thread_local bool timed_out = false;

void complain(const char* text) {
  if (!text) return;
  complaint.assign(text, std::min<std::size_t>(std::strlen(text), 300));
  for (char& c : complaint)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
}

int on_error(DBPROCESS*, int, int number, int, char* text, char*) {
  if (number == SYBETIME) timed_out = true;
  if (complaint.empty() || number == SYBETIME)
    complain(text);  // the server's own words come first, and say more
  return INT_CANCEL;
}

int on_message(DBPROCESS*, DBINT number, int, int severity, char* text, char*, char*, int) {
  constexpr int informational = 10;
  if (severity > informational) {
    complain(text);
    complaint = "error " + std::to_string(number) + ": " + complaint;
  }
  return 0;
}

void begin_call() {
  complaint.clear();
  timed_out = false;
}

std::unexpected<Error> failure(std::string what) {
  if (!complaint.empty()) what += ": " + complaint;
  return fail(Blame::Server, std::move(what), timed_out);
}

// ---- settings that db-lib takes from a file only: in memory, one section a server ----

class Settings {
 public:
  Settings() : file_(::memfd_create("holdfast-freetds", MFD_CLOEXEC)) {
    if (file_ < 0) return;
    write("[global]\n\ttds version = 7.4\n\tclient charset = UTF-8\n\ttext size = 4096\n");
    const std::string path = "/proc/self/fd/" + std::to_string(file_);
    ::setenv("FREETDSCONF", path.c_str(), 1);
  }
  /// The name to give to dbopen.
  std::string section(const SqlServer& server) {
    const std::int64_t second = Duration::seconds(1).ns;
    const auto seconds = std::to_string(std::max<std::int64_t>((server.timeout.ns + second - 1) / second, 1));
    std::string name = "holdfast-" + server.address.ip() + "-" + std::to_string(server.address.port) + "-" +
                       seconds + (server.encrypt ? "-encrypted" : "");
    std::lock_guard lock(mutex_);
    if (known_.insert(name).second)
      write("[" + name + "]\n\thost = " + server.address.ip() +
            "\n\tport = " + std::to_string(server.address.port) + "\n\tconnect timeout = " + seconds +
            "\n\ttimeout = " + seconds + "\n\tencryption = " + (server.encrypt ? "require" : "request") +
            "\n");
    return name;
  }

 private:
  void write(const std::string& text) {
    if (::write(file_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      complain("no settings");
  }
  int file_;
  std::mutex mutex_;
  std::set<std::string> known_;
};

Settings& settings() {
  static Settings* made = new Settings;  // threads may outlive static objects
  return *made;
}

bool begin_library() {
  static const bool begun = [] {
    if (::dbinit() != SUCCEED) return false;
    ::dberrhandle(on_error);
    ::dbmsghandle(on_message);
    return true;
  }();
  return begun;
}

// ---- is anybody there ----

socklen_t socket_address(const Address& a, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  if (a.family == Address::Family::V6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(a.port);
    std::memcpy(&v6.sin6_addr, a.bytes.data(), 16);
    std::memcpy(&out, &v6, sizeof v6);
    return sizeof v6;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(a.port);
  std::memcpy(&v4.sin_addr, a.bytes.data(), 4);
  std::memcpy(&out, &v4, sizeof v4);
  return sizeof v4;
}

int connect_result(int fd, const sockaddr_storage& to, socklen_t length, Duration timeout) {
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), length) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd one{fd, POLLOUT, 0};
  const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(timeout.to_millis(), 1)));
  if (ready == 0) return ETIMEDOUT;
  int error = errno;
  socklen_t size = sizeof error;
  if (ready > 0) ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

/// A connect of its own before db-lib's, which takes seconds for a dead host and does not say why it failed.
Status knock(const Address& address, Duration timeout) {
  sockaddr_storage to;
  const socklen_t length = socket_address(address, to);
  const int fd = ::socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(Blame::Self, std::string("no socket: ") + std::strerror(errno), true);
  const int error = connect_result(fd, to, length, std::min(timeout, knock_max));
  ::close(fd);
  if (error == 0) return {};
  if (error == ECONNREFUSED) return fail(Blame::Server, "connect refused");
  return fail(Blame::Server, std::string("connect failed: ") + std::strerror(error), error == ETIMEDOUT);
}

// ---- results ----

std::optional<std::string> text_of(DBPROCESS* process, int column) {
  const BYTE* data = ::dbdata(process, column);
  const auto length = static_cast<std::size_t>(std::max<DBINT>(::dbdatlen(process, column), 0));
  const int type = ::dbcoltype(process, column);
  if (!data) return std::nullopt;
  if (type == SYBCHAR || type == SYBVARCHAR || type == SYBTEXT)
    return std::string(reinterpret_cast<const char*>(data), std::min(length, SqlConnection::cell_max));
  // The widest of what is left is a decimal of 38 digits, or twice the bytes of a binary.
  constexpr std::size_t widest = 64;
  char text[4 * widest] = {};
  if (length > widest) return std::nullopt;
  ::dbconvert(process, type, data, static_cast<DBINT>(length), SYBCHAR, reinterpret_cast<BYTE*>(text), -1);
  return std::string(text);
}

/// False: the connection broke, or there are more rows than anybody asked for.
bool read_table(DBPROCESS* process, AnswerTable& table) {
  const int columns = std::min(::dbnumcols(process), static_cast<int>(SqlConnection::columns_max));
  if (const char* name = columns > 0 ? ::dbcolname(process, 1) : nullptr) table.name = name;
  while (true) {
    const STATUS row = ::dbnextrow(process);
    if (row == NO_MORE_ROWS) return true;
    if (row == FAIL) return !::dbdead(process);
    if (row != REG_ROW) continue;
    if (table.rows.size() >= SqlConnection::rows_max) return false;
    AnswerTable::Row& cells = table.rows.emplace_back();
    for (int column = 1; column <= columns; ++column) cells.push_back(text_of(process, column));
  }
}

}  // namespace

void prepare_freetds() { settings(); }

struct SqlConnection::Library {
  DBPROCESS* process = nullptr;
};

SqlConnection::SqlConnection(SqlServer server)
    : library_(std::make_unique<Library>()), server_(std::move(server)) {}

SqlConnection::~SqlConnection() { close(); }

bool SqlConnection::is_open() const { return library_->process != nullptr; }

int SqlConnection::descriptor() const { return is_open() ? ::dbiordesc(library_->process) : -1; }

void SqlConnection::close() {
  if (DBPROCESS* process = std::exchange(library_->process, nullptr)) ::dbclose(process);
}

Status SqlConnection::open() {
  close();
  begin_call();
  const std::string section = settings().section(server_);
  if (Status there = knock(server_.address, server_.timeout); !there) return there;
  if (!begin_library()) return fail(Blame::Self, "FreeTDS does not start");
  LOGINREC* login = ::dblogin();
  if (!login) return fail(Blame::Self, "FreeTDS has no memory", true);
  DBSETLUSER(login, server_.user.c_str());
  std::string password(server_.password.reveal());
  DBSETLPWD(login, password.c_str());
  wipe(password);
  DBSETLAPP(login, "holdfast");
  DBSETLDBNAME(login, server_.database.c_str());
  DBSETLVERSION(login, DBVERSION_74);
  library_->process = ::dbopen(login, section.c_str());
  ::dbloginfree(login);  // wipes its password
  if (!is_open()) return failure("login failed");
  if (const int fd = descriptor(); fd >= 0) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {};
}

Result<SqlReply> SqlConnection::run(const std::string& batch) {
  begin_call();
  DBPROCESS* process = library_->process;
  if (!process) return fail(Blame::Self, "not connected");
  SqlReply reply;
  bool alive = ::dbcmd(process, batch.c_str()) == SUCCEED && ::dbsqlsend(process) == SUCCEED;
  // A statement that fails makes one of these FAIL and leaves the rest of the batch to be read.
  alive = alive && (::dbsqlok(process) == SUCCEED || !::dbdead(process));
  for (std::size_t turn = 0; alive; ++turn) {
    const RETCODE more = ::dbresults(process);
    if (more == NO_MORE_RESULTS) break;
    alive = !::dbdead(process) && turn < tables_max;
    if (more == FAIL || !alive || ::dbnumcols(process) <= 0) continue;
    alive = read_table(process, reply.tables.emplace_back());
  }
  if (alive && !timed_out && !::dbdead(process)) {
    reply.complaint = complaint;
    return reply;
  }
  close();
  return failure(timed_out ? "no answer" : "connection lost");
}

}  // namespace holdfast::tds
