// A SQL connection of Holdfast's own, over FreeTDS's db-lib; its .cpp is the only file that knows that
// library. Every call blocks: a connection belongs to a thread of its own, never to a loop. Results are
// small tables of text, bounded; nothing is printed, and errors are values with the server's own words. The
// password is never part of one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "proxy/base/secret.h"
#include "proxy/base/time.h"
#include "tds/role.h"

namespace holdfast::tds {

struct SqlServer {
  Address address;
  std::string user;
  Secret password;
  std::string database = "master";  ///< one that a secondary lets in to; a batch names others itself
  bool encrypt = false;  ///< everything, without verification; false: what the server wants
  Duration timeout{};  ///< for the login and for each batch; FreeTDS rounds it up to whole seconds
};

struct SqlReply {
  std::vector<AnswerTable> tables;
  std::string complaint;  ///< of the last statement that failed; empty: none did
};

/// Before the first thread of the process starts: it sets an environment variable that FreeTDS reads.
void prepare_freetds();

class SqlConnection {
 public:
  static constexpr std::size_t tables_max = 16, rows_max = 64, columns_max = 16,
                               cell_max = 1024;  ///< bytes a cell

  explicit SqlConnection(SqlServer server);
  ~SqlConnection();

  bool is_open() const;
  /// An Error is retryable if it was a time-out: the server may be there, and busy.
  Status open();
  /// The connection is closed after an Error; a statement's failure is none.
  Result<SqlReply> run(const std::string& batch);
  int descriptor() const;  ///< readable between batches: the server has closed, or is about to; -1: not open
  void close();

 private:
  struct Library;
  std::unique_ptr<Library> library_;
  SqlServer server_;
};

}  // namespace holdfast::tds
