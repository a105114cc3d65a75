// One connection to a SQL server: FreeTDS' db-lib, blocking, with the errors that it tells its handlers made
// into exceptions. Used by one thread at a time; shares no code with Holdfast's own SQL monitor.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

struct tds_dblib_dbprocess;

namespace portal {

struct SqlError : std::runtime_error {
  SqlError(int error, const std::string& text) : std::runtime_error(text), number(error) {}
  int number;  ///< of the server's first error; 0: it said none
};

class SqlClient {
 public:
  using Rows = std::vector<std::vector<std::string>>;

  /// Logs in at 127.0.0.1, or throws. An empty database: the login's own.
  SqlClient(int port, const std::string& application, const std::string& database);
  ~SqlClient();
  SqlClient(const SqlClient&) = delete;
  SqlClient& operator=(const SqlClient&) = delete;

  /// The rows of all its results, NULL as an empty text. Throws the server's first error.
  Rows run(const std::string& batch);
  /// Of no more use.
  bool dead() const;

 private:
  Rows read();
  ::tds_dblib_dbprocess* process_ = nullptr;
};

}  // namespace portal
