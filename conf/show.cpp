#include "conf/show.h"

#include <functional>

#include "conf/report.h"
#include "conf/units.h"

namespace holdfast::conf {
namespace {

template <class T, class F>
std::string list(const std::vector<T>& items, F text_of) {
  std::string out;
  for (const T& item : items) {
    const std::string text = text_of(item);
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  }
  return out.empty() ? out : "[" + out + "]";
}

std::string show_network(const Network& network) {
  return network.address.ip() + "/" + std::to_string(network.prefix_bits);
}

std::string show_instance(const Instance& instance) {
  return instance.name + " = " + instance.configured_address + " weight " + std::to_string(instance.weight);
}

/// Tells two secrets apart without showing either.
std::string mark(const std::string& text) {
  return std::to_string(text.size()) + " bytes #" + std::to_string(std::hash<std::string>()(text) % 10'000);
}

std::string show_check(const Directive& row, const Check& check) {
  if (row.kind == Kind::StatusRange)
    return check.status_min == check.status_max
               ? std::to_string(check.status_min)
               : std::to_string(check.status_min) + "-" + std::to_string(check.status_max);
  const bool http = check.kind == CheckKind::Http;
  if (row.name == "get" || row.name == "head")
    return http && (row.name == "get") == (check.method == "GET") ? quoted(check.path) : "";
  if (check.kind == CheckKind::Sql) return "";
  return check.kind == (row.name == "tcp" ? CheckKind::Tcp : CheckKind::None) ? "true" : "";
}

std::string show_headers(const Directive& row, const std::vector<HeaderOp>& ops) {
  const HeaderOpKind kind = row.name == "set"   ? HeaderOpKind::Set
                            : row.name == "add" ? HeaderOpKind::Add
                                                : HeaderOpKind::Remove;
  return list(ops, [&](const HeaderOp& op) -> std::string {
    if (op.kind != kind) return {};
    return kind == HeaderOpKind::Remove ? op.name : op.name + " (" + mark(op.value) + ")";
  });
}

std::string show_time_of_day(unsigned minutes) {
  const auto two = [](unsigned n) { return (n < 10 ? "0" : "") + std::to_string(n); };
  return two(minutes / 60) + ":" + two(minutes % 60);
}

std::string show_rule(const SqlRule& rule) {
  std::string out = rule.name + (rule.deny ? " denies" : " logs");
  if (!rule.digest.empty()) out += " digest " + rule.digest;
  if (!rule.application.empty()) out += " application " + quoted(rule.application);
  if (!rule.login.empty()) out += " login " + quoted(rule.login);
  if (rule.from_minute != rule.to_minute)
    out += " " + show_time_of_day(rule.from_minute) + "-" + show_time_of_day(rule.to_minute);
  return out;
}

std::string show_text(const std::string& text) { return text.empty() ? text : quoted(text); }

struct Shower {
  const Directive& row;
  const Slot& slot;

  std::string operator()(std::monostate) const { return {}; }
  std::string operator()(const bool* value) const {
    if (row.kind == Kind::TlsVersion) return *value ? "1.3" : "1.2";
    return *value ? "true" : "false";
  }
  std::string operator()(const Duration* value) const { return format_duration(*value); }
  std::string operator()(const std::string* value) const {
    if (row.kind == Kind::Secret) return value->empty() ? "" : "(a secret)";
    return show_text(*value);
  }
  std::string operator()(const std::vector<std::string>* value) const { return list(*value, quoted); }
  std::string operator()(const std::vector<Address>* value) const {
    return list(*value, [](const Address& address) { return address.text(); });
  }
  std::string operator()(const std::vector<Network>* value) const { return list(*value, show_network); }
  std::string operator()(const std::vector<Instance>* value) const { return list(*value, show_instance); }
  std::string operator()(const holdfast::Secret* value) const { return value->empty() ? "" : "(a secret)"; }
  std::string operator()(const std::vector<SqlRule>* value) const { return list(*value, show_rule); }
  std::string operator()(const Check* value) const { return show_check(row, *value); }
  std::string operator()(const std::vector<HeaderOp>* value) const { return show_headers(row, *value); }
  std::string operator()(const Route* value) const {
    return value->error_type.empty() ? "" : value->error_type + " of " + mark(value->error_page);
  }
  template <class T>
  std::string operator()(const T* value) const {
    if constexpr (std::is_enum_v<T>)
      return std::string(choices(row, slot)[static_cast<std::size_t>(*value)]);
    else
      return row.kind == Kind::Size ? format_size(static_cast<std::uint64_t>(*value))
                                    : std::to_string(*value);
  }
};

}  // namespace

std::string show(const Directive& row, const Slot& slot) { return std::visit(Shower{row, slot}, slot); }

}  // namespace holdfast::conf
