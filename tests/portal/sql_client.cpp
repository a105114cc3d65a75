#include "tests/portal/sql_client.h"

#include <sybdb.h>
#include <sybfront.h>

#include <algorithm>
#include <cstdlib>

namespace portal {
namespace {

constexpr int login_s = 10, answer_s = 20;

// db-lib tells its handlers, on the thread of the call under way.
thread_local int number = 0;
thread_local std::string complaint;

int on_error(DBPROCESS*, int, int, int, char* text, char*) {
  if (complaint.empty() && text) complaint = text;
  return INT_CANCEL;
}

int on_message(DBPROCESS*, DBINT error, int, int severity, char* text, char*, char*, int) {
  if (severity <= 10 || number != 0) return 0;
  number = error;
  complaint = "error " + std::to_string(error) + ": " + (text ? text : "");
  return 0;
}

bool begin_library() {
  static const bool begun = [] {
    ::setenv("FREETDSCONF", "/dev/null", 1);  // what the machine is set to is not this program's business
    if (::dbinit() != SUCCEED) return false;
    ::dberrhandle(on_error);
    ::dbmsghandle(on_message);
    ::dbsetlogintime(login_s);
    ::dbsettime(answer_s);
    return true;
  }();
  return begun;
}

[[noreturn]] void give_up(const std::string& otherwise) {
  throw SqlError(number, complaint.empty() ? otherwise : complaint);
}

std::string cell(DBPROCESS* process, int column) {
  const BYTE* data = ::dbdata(process, column);
  const DBINT length = ::dbdatlen(process, column);
  const int type = ::dbcoltype(process, column);
  if (!data) return {};
  if (type == SYBCHAR || type == SYBVARCHAR || type == SYBTEXT)
    return std::string(reinterpret_cast<const char*>(data),
                       static_cast<std::size_t>(std::max<DBINT>(length, 0)));
  char text[64] = {};
  ::dbconvert(process, type, data, length, SYBCHAR, reinterpret_cast<BYTE*>(text), -1);
  return text;
}

}  // namespace

SqlClient::SqlClient(int port, const std::string& application, const std::string& database) {
  number = 0;
  complaint.clear();
  LOGINREC* login = begin_library() ? ::dblogin() : nullptr;
  if (!login) give_up("FreeTDS does not start");
  DBSETLUSER(login, "portal");
  DBSETLPWD(login, "portal");
  DBSETLAPP(login, application.c_str());
  DBSETLDBNAME(login, database.c_str());
  DBSETLVERSION(login, DBVERSION_74);
  process_ = ::dbopen(login, ("127.0.0.1:" + std::to_string(port)).c_str());
  ::dbloginfree(login);
  if (!process_) give_up("the login failed");
}

SqlClient::~SqlClient() {
  if (process_) ::dbclose(process_);
}

bool SqlClient::dead() const { return ::dbdead(process_); }

SqlClient::Rows SqlClient::run(const std::string& batch) {
  number = 0;
  complaint.clear();
  if (::dbcmd(process_, batch.c_str()) != SUCCEED || ::dbsqlsend(process_) != SUCCEED ||
      (::dbsqlok(process_) != SUCCEED && dead()))
    give_up("the connection is lost");
  Rows rows = read();
  if (number != 0 || dead()) give_up("the connection is lost");
  return rows;
}

/// A statement that fails makes a call FAIL and leaves the rest to be read.
SqlClient::Rows SqlClient::read() {
  Rows rows;
  for (RETCODE more; (more = ::dbresults(process_)) != NO_MORE_RESULTS && !dead();) {
    if (more == FAIL) continue;
    const int columns = ::dbnumcols(process_);
    for (STATUS row; columns > 0 && (row = ::dbnextrow(process_)) != NO_MORE_ROWS && row != FAIL;) {
      std::vector<std::string>& cells = rows.emplace_back();
      for (int column = 1; column <= columns; ++column) cells.push_back(cell(process_, column));
    }
  }
  return rows;
}

}  // namespace portal
