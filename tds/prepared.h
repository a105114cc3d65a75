// The prepared statements of one session. Handles belong to a server; clients keep theirs when the server is
// replaced. Until then a client has the server's own number; afterwards it is given one of ours, and a
// statement is prepared again on the new server at its first use. Owned by a Conversation; bounded by the
// limits it is made with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

struct PreparedStatement {
  std::int32_t client = 0, server = 0;  ///< handles
  std::uint64_t generation = 0;  ///< of the server that `server` belongs to
  std::string declaration, text;  ///< UTF-16LE
};

class Prepared {
 public:
  /// Handles of ours start here: far above what sp_prepare (from 1) and the cursor procedures (from
  /// 0x40000000) give.
  static constexpr std::int32_t first_virtual = 0x60000000;

  Prepared(std::size_t statements_max, std::size_t bytes_max)
      : statements_max_(statements_max), bytes_max_(bytes_max) {}

  /// A server's handle came. `own`: the client is to be given one of ours; else it sees the server's. Null:
  /// over the limit.
  const PreparedStatement* add(std::int32_t server, bool own, std::uint64_t generation, Bytes declaration,
                               Bytes text);
  PreparedStatement* find(std::int32_t client);
  void forget(std::int32_t client);
  void clear();
  std::size_t size() const { return statements_.size(); }
  std::size_t memory() const { return bytes_; }

 private:
  std::size_t statements_max_, bytes_max_, bytes_ = 0;
  std::int32_t next_ = first_virtual;
  std::vector<PreparedStatement> statements_;  // by client handle, ascending
};

}  // namespace holdfast::tds
