#include "proxy/http/header_ops.h"

#include "proxy/http/fields.h"

namespace holdfast::http {
namespace {

/// Fields that this proxy writes from what it knows; the configuration cannot contradict it.
bool is_ours(std::string_view name) {
  switch (known_of(name)) {
    case Known::Host:
    case Known::Connection:
    case Known::KeepAlive:
    case Known::ProxyConnection:
    case Known::ContentLength:
    case Known::TransferEncoding:
    case Known::Te:
    case Known::Trailer:
    case Known::Upgrade:
    case Known::Expect:
    case Known::HoldfastAttempt: return true;
    default: return name.empty() || !all(name, kToken);
  }
}

void put_printable(std::string_view text, Appender& out) {
  for (char c : text)
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out.put(c);
}

}  // namespace

const conf::HeaderOp* HeaderOps::host() const {
  for (std::size_t i = ops_.size(); i-- > 0;)
    if (ops_[i].kind == conf::HeaderOpKind::Set && known_of(ops_[i].name) == Known::Host) return &ops_[i];
  return nullptr;
}

bool HeaderOps::touched_after(std::size_t from, std::string_view name) const {
  for (std::size_t i = from; i < ops_.size(); ++i)
    if (ops_[i].kind != conf::HeaderOpKind::Add && equal_ignoring_case(ops_[i].name, name)) return true;
  return false;
}

void HeaderOps::write(Appender& out) const {
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const conf::HeaderOp& op = ops_[i];
    if (op.kind == conf::HeaderOpKind::Remove || is_ours(op.name) || touched_after(i + 1, op.name)) continue;
    out.put(op.name).put(": ");
    write_value(op, out);
    out.put("\r\n");
  }
}

void HeaderOps::write_value(const conf::HeaderOp& op, Appender& out) const {
  const std::pair<std::string_view, std::string_view> known[] = {{"{client-ip}", placeholders_.client},
                                                                 {"{request-id}", placeholders_.request_id},
                                                                 {"{host}", placeholders_.host},
                                                                 {"{proto}", placeholders_.proto}};
  std::string_view left = op.value;
  while (!left.empty()) {
    std::size_t brace = left.find('{');
    put_printable(left.substr(0, brace), out);
    if (brace == left.npos) return;
    left.remove_prefix(brace);
    std::size_t used = 1;
    std::string_view text = left.substr(0, 1);
    for (const auto& [name, value] : known) {
      if (!left.starts_with(name)) continue;
      used = name.size();
      text = value;
    }
    put_printable(text, out);
    left.remove_prefix(used);
  }
}

}  // namespace holdfast::http
