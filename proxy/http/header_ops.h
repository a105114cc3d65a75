// A route's header operations, applied while a head is appended field by field. An operation on a field
// that frames or routes the message is not carried out; Host can be set on requests.
#pragma once

#include <span>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/http/appender.h"

namespace holdfast::http {

/// Values of {client-ip}, {request-id}, {host} and {proto}.
struct Placeholders {
  std::string_view client;
  std::string_view request_id;
  std::string_view host;
  std::string_view proto;
};

class HeaderOps {
 public:
  HeaderOps(std::span<const conf::HeaderOp> ops, const Placeholders& placeholders)
      : ops_(ops), placeholders_(placeholders) {}

  /// Whether an operation sets or removes a field that came before the operations.
  bool replaces(std::string_view name) const { return !ops_.empty() && touched_after(0, name); }
  /// The last value that is set for Host; null: none.
  const conf::HeaderOp* host() const;
  /// Appends what sets and adds leave once all operations are applied in order.
  void write(Appender& out) const;
  /// Appends `op`'s value, placeholders filled in, control bytes left out.
  void write_value(const conf::HeaderOp& op, Appender& out) const;

 private:
  bool touched_after(std::size_t from, std::string_view name) const;
  std::span<const conf::HeaderOp> ops_;
  Placeholders placeholders_;
};

}  // namespace holdfast::http
