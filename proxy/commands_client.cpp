#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>

#include "conf/file.h"
#include "conf/load.h"
#include "proxy/admin_command.h"
#include "proxy/commands.h"
#include "proxy/commands_file.h"

namespace holdfast {

namespace {

constexpr std::size_t answer_max = 64 << 20;   // bytes
constexpr int patience_seconds = 30;           // a reload may load many certificates

class Connection {
 public:
  Connection() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

std::unexpected<Error> cannot_reach(const std::string& socket, int number) {
  std::string why = std::strerror(number);
  if (number == ENOENT || number == ECONNREFUSED) why += "; is holdfast running? --socket names another";
  if (number == EACCES) why += "; only its owner and root may use it";
  return fail(Blame::Operator, "cannot reach the running process at " + socket + ": " + why);
}

Status connect_to(const Connection& connection, const std::string& socket) {
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  if (connection.fd() < 0) return cannot_reach(socket, errno);
  if (socket.size() >= sizeof to.sun_path) return cannot_reach(socket, ENAMETOOLONG);
  socket.copy(to.sun_path, socket.size());
  const timeval limit{patience_seconds, 0};
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(connection.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(connection.fd(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
    return cannot_reach(socket, errno);
  return {};
}

/// A process that has refused already may have closed: its answer is still there to be read.
Status send_all(const Connection& connection, const std::string& socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::send(connection.fd(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EPIPE) return {};
    if (n < 0 && errno != EINTR) return cannot_reach(socket, errno);
    text.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  return {};
}

/// Hands each piece of the answer to `take`, whose false ends it early.
Status exchange(const std::string& socket, const std::string& request, bool patient,
                const std::function<bool(std::string_view)>& take) {
  const Connection connection;
  if (Status done = connect_to(connection, socket); !done) return done;
  if (Status sent = send_all(connection, socket, request + "\n"); !sent) return sent;
  for (;;) {
    char buffer[16384];
    const ssize_t n = ::recv(connection.fd(), buffer, sizeof buffer, 0);
    if (n == 0) return {};
    if (n > 0) {
      if (!take({buffer, static_cast<std::size_t>(n)})) return {};
    } else if (errno == EAGAIN && !patient) {
      return cannot_reach(socket, ETIMEDOUT);
    } else if (errno != EINTR && errno != EAGAIN) {
      return cannot_reach(socket, errno);
    }
  }
}

/// Splits the first line of an answer from its text: true for "ok", false for "error".
Result<bool> take_verdict(std::string& answer) {
  const bool good = answer.starts_with("ok\n");
  if (!good && !answer.starts_with("error\n"))
    return fail(Blame::Self, "the running process gave no answer; it may be ending");
  answer.erase(0, good ? 3 : 6);
  return good;
}

std::string request_of(const CommandLine& line) {
  if (line.command == "sql") return "sql " + sql_words(line);
  std::string request = line.command;
  if (!line.target.empty()) request += " " + line.target;
  if (line.json) request += " --json";
  if (!line.since.empty()) request += " --since " + line.since;
  if (line.follow) request += " --follow";
  if (line.force) request += " --force";
  return request;
}

int complain(const std::string& text) {
  std::fprintf(stderr, "holdfast: %s\n", text.c_str());
  return exit_failed;
}

bool print(std::string_view text) {
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
}

int follow(const CommandLine& line) {
  std::string head;  // until the verdict is whole
  bool begun = false;
  const auto take = [&](std::string_view piece) {
    if (begun) return print(piece);
    head += piece;
    if (head.find('\n') == head.npos) return true;
    begun = head.starts_with("ok\n");
    return begun && print(std::string_view(head).substr(3));
  };
  const Status done = exchange(socket_of(line), request_of(line), true, take);
  if (!done) return complain(done.error().text);
  if (begun) return exit_ok;
  const Result<bool> verdict = take_verdict(head);
  return complain(verdict ? head.substr(0, head.find('\n')) : verdict.error().text);
}

}  // namespace

Result<std::string> ask(const std::string& socket, const std::string& request) {
  std::string answer;
  const Status done = exchange(socket, request, false, [&](std::string_view piece) {
    answer += piece;
    return answer.size() < answer_max;
  });
  if (!done) return std::unexpected(done.error());
  const Result<bool> verdict = take_verdict(answer);
  if (!verdict) return std::unexpected(verdict.error());
  if (!*verdict) return fail(Blame::Operator, answer.substr(0, answer.find_last_not_of('\n') + 1));
  return answer;
}

std::string socket_of(const CommandLine& line) {
  if (!line.socket.empty()) return line.socket;
  const conf::FileText file = conf::read_whole(line.config, config_size_max);
  const std::string socket = conf::glance_control_socket(file.text, line.config);
  return socket.empty() ? default_socket : socket;
}

int ask_process(const CommandLine& line) {
  if (line.follow) return follow(line);
  std::string request = request_of(line);
  if (line.command == "push" && line.config_given) {
    const conf::FileText file = conf::read_whole(line.config, admin_push_max);
    if (!file.error.empty()) return complain(line.config + " cannot be read: " + file.error);
    if (file.text.empty()) return complain(line.config + " is empty");
    request += " " + std::to_string(file.text.size()) + "\n" + file.text;
  }
  const Result<std::string> answer = ask(socket_of(line), request);
  if (!answer) return complain(answer.error().text);
  return print(*answer) ? exit_ok : exit_failed;
}

}  // namespace holdfast
