#include <netdb.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "conf/read.h"
#include "conf/rules.h"
#include "proxy/base/check.h"

namespace holdfast::conf {
namespace {

template <class T>
T& target(const Slot& slot) {
  T* const* pointer = std::get_if<T*>(&slot);
  CHECK(pointer);
  return **pointer;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// ---- bind ----

/// "vip.NAME:port": every address of that virtual IP that a client can name. A link-local one is there for VRRP
/// (RFC 9568 section 5.2.9); a socket would have to name the link with it.
void bind_vip(Reading& r, const Value& item, std::string_view name, std::uint16_t port,
              std::vector<Address>& out) {
  std::vector<std::string_view> names;
  for (const Vip& vip : r.snapshot.vips) {
    names.push_back(vip.name);
    if (vip.name != name) continue;
    for (const std::string& address : vip.addresses)
      if (auto ip = Address::from_ip(std::string_view(address).substr(0, address.find('/')), port))
        if (!ip->link_local()) out.push_back(*ip);
    return;
  }
  r.report.error(item.place, "there is no [vip." + std::string(name) + "]" + suggestion(name, names));
}

void read_binds(Reading& r, const Directive& row, const Value& value, std::vector<Address>& out) {
  for (const Value& item : read_list(r, row, value)) {
    const std::string* text = read_text(r, row, item);
    if (!text) continue;
    const std::size_t colon = std::min(text->rfind(':'), text->size());
    const std::string_view host = std::string_view(*text).substr(0, colon);
    const auto port = parse_port(std::string_view(*text).substr(std::min(colon + 1, text->size())));
    if (port && host == "*") {
      out.push_back(*Address::from_ip("0.0.0.0", *port));
      out.push_back(*Address::from_ip("::", *port));
    } else if (port && host.starts_with("vip.")) {
      bind_vip(r, item, host.substr(4), *port, out);
    } else if (auto address = Address::parse(*text)) {
      out.push_back(*address);
    } else {
      r.report.error(item.place,
                     "expected \"ip:port\", \"[ipv6]:port\", \"*:port\" or \"vip.NAME:port\" with a port "
                     "from 1 to 65535; got " +
                         quoted(*text));
    }
  }
}

void read_networks(Reading& r, const Directive& row, const Value& value, std::vector<Network>& out) {
  for (const Value& item : read_list(r, row, value)) {
    const std::string* text = read_text(r, row, item);
    if (!text) continue;
    if (auto network = Network::parse(*text))
      out.push_back(*network);
    else
      r.report.error(item.place,
                     "expected an address or a network such as \"10.0.0.0/8\"; got " + quoted(*text));
  }
}

// ---- instances ----

/// The first address the system gives for a name.
std::optional<Address> look_up(const std::string& host, std::uint16_t port, std::string& error) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  char ip[NI_MAXHOST] = "";
  const int named =
      code ? code : getnameinfo(found->ai_addr, found->ai_addrlen, ip, sizeof ip, nullptr, 0, NI_NUMERICHOST);
  if (found) freeaddrinfo(found);
  if (named) error = gai_strerror(named);
  return named ? std::nullopt : Address::from_ip(ip, port);
}

void resolve(Reading& r, Instance& instance, Place place) {
  const std::string& text = instance.configured_address;
  if (auto address = Address::parse(text)) {
    instance.address = *address;
    return;
  }
  const std::size_t colon = std::min(text.rfind(':'), text.size());
  const std::string host = text.substr(0, colon);
  const auto port = parse_port(std::string_view(text).substr(std::min(colon + 1, text.size())));
  // Digits and dots alone are a mistyped address; as a name they would be asked of the whole network.
  const bool name = !rule_host_field(host) && host.find_first_not_of("0123456789.") != std::string::npos;
  if (!port || !name || host.find('[') != std::string::npos)
    return r.report.error(
        place, "expected \"host:port\" or \"[ipv6]:port\" with a port from 1 to 65535; got " + quoted(text));
  std::string error = "look-ups are switched off";
  const auto address = r.look_up ? look_up(host, *port, error) : std::nullopt;
  if (!address) return r.report.error(place, "host name " + quoted(host) + " cannot be looked up: " + error);
  instance.address = *address;
}

void read_instances(Reading& r, const Directive& row, const Value& value, std::vector<Instance>& out) {
  if (value.kind != Value::Kind::Table) return report_type(r, value, "a table { name = \"host:port\" }");
  if (value.items.empty() || value.items.size() > row.range.max)
    return r.report.error(value.place, "expected 1 to " + std::to_string(row.range.max) + " instances; got " +
                                           std::to_string(value.items.size()));
  for (const Value& item : value.items) {
    if (const char* expected = rule_name(item.name))
      r.report.error(item.name_place, std::string("expected ") + expected + "; got " + quoted(item.name));
    Instance& instance = out.emplace_back();
    instance.name = item.name;
    // The short form is a table that has only the address.
    Value table = item;
    if (item.kind == Value::Kind::Text) {
      Value address = item;
      address.name = "address";
      table = Value();
      table.place = item.place;
      table.items.push_back(std::move(address));
    } else if (item.kind != Value::Kind::Table) {
      report_type(r, item, "\"host:port\" or { address = \"host:port\", weight = 100 }");
      continue;
    }
    read_table(r, table, instance_rows(), &instance, "instance " + quoted(item.name));
    if (!instance.configured_address.empty()) resolve(r, instance, table.member("address")->place);
  }
}

// ---- checks ----

void read_status(Reading& r, const Value& value, Check& check) {
  // A bare status is no unit problem: it is taken as a text would be.
  const std::string text = value.kind == Value::Kind::Integer ? std::to_string(value.integer) : value.text;
  unsigned low = 0, high = 0;
  const char* const last = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), last, low);
  high = low;
  bool good = error == std::errc();
  if (good && end != last && *end == '-') {
    const auto second = std::from_chars(end + 1, last, high);
    good = second.ec == std::errc();
    end = second.ptr;
  }
  if (!good || end != last || low < 100 || high > 599 || low > high)
    return r.report.error(value.place,
                          "expected a status from 100 to 599 or a range of them, such as \"200\" or "
                          "\"200-399\"; got " +
                              quoted(text));
  check.status_min = low;
  check.status_max = high;
}

void read_check_path(Reading& r, const Directive& row, const Value& value, Check& check) {
  const std::string* text = read_text(r, row, value);
  if (!text) return;
  if (const char* expected = rule_url_path(*text))
    return r.report.error(value.place, std::string("expected ") + expected + "; got " + quoted(*text));
  check.kind = CheckKind::Http;
  check.method = row.name == "get" ? "GET" : "HEAD";
  check.path = *text;
}

void read_check_flag(Reading& r, const Directive& row, const Value& value, Check& check) {
  if (value.kind != Value::Kind::Boolean || !value.boolean)
    return report_type(r, value, "true, or to leave it out");
  check.kind = row.name == "tcp" ? CheckKind::Tcp : CheckKind::None;
}

// ---- SQL ----

void read_sql_rules(Reading& r, const Directive& row, const Value& value, std::vector<SqlRule>& out) {
  if (value.kind != Value::Kind::List)
    return report_type(r, value, "a list of tables { name = \"...\", ... }");
  if (value.items.size() > row.range.max)
    return r.report.error(value.place, "expected at most " + std::to_string(row.range.max) + " rules");
  for (const Value& item : value.items) {
    SqlRule& rule = out.emplace_back();
    if (item.kind == Value::Kind::Table)
      read_table(r, item, sql_rule_rows(), &rule, "rule");
    else
      report_type(r, item, "a table { name = \"...\", ... }");
  }
}

void read_time_of_day(Reading& r, const Value& value, std::uint32_t& out) {
  const auto digit = [&](std::size_t at) { return value.text[at] >= '0' && value.text[at] <= '9'; };
  const auto two = [&](std::size_t at) {
    return static_cast<unsigned>(value.text[at] - '0') * 10 + static_cast<unsigned>(value.text[at + 1] - '0');
  };
  const bool shaped = value.kind == Value::Kind::Text && value.text.size() == 5 && value.text[2] == ':' &&
                      digit(0) && digit(1) && digit(3) && digit(4);
  if (!shaped || two(0) > 23 || two(3) > 59)
    return r.report.error(value.place, "expected a time of day from \"00:00\" to \"23:59\"");
  out = two(0) * 60 + two(3);
}

// ---- headers ----

bool header_name(Reading& r, const std::string& name, Place place) {
  const char* expected = rule_header_name(name);
  if (expected) r.report.error(place, std::string("expected ") + expected + "; got " + quoted(name));
  return !expected;
}

void read_header_map(Reading& r, const Directive& row, const Value& value, std::vector<HeaderOp>& out) {
  if (value.kind != Value::Kind::Table) return report_type(r, value, "a table { Name = \"value\" }");
  if (value.items.size() > row.range.max)
    return r.report.error(value.place, "expected at most " + std::to_string(row.range.max) + " fields");
  const HeaderOpKind kind = row.name == "set" ? HeaderOpKind::Set : HeaderOpKind::Add;
  for (const Value& item : value.items) {
    if (!header_name(r, item.name, item.name_place)) continue;
    if (item.kind != Value::Kind::Text) {
      report_type(r, item, "a text");
    } else if (const char* expected = rule_header_value(item.text)) {
      r.report.error(item.place, std::string("expected ") + expected);  // the value may be a secret
    } else {
      out.push_back({kind, item.name, item.text});
    }
  }
}

void read_header_names(Reading& r, const Directive& row, const Value& value, std::vector<HeaderOp>& out) {
  for (const Value& item : read_list(r, row, value)) {
    if (item.kind != Value::Kind::Text)
      report_type(r, item, "a text");
    else if (header_name(r, item.text, item.place))
      out.push_back({HeaderOpKind::Remove, item.text, {}});
  }
}

}  // namespace

void read_special(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  switch (row.kind) {
    case Kind::BindList: return read_binds(r, row, value, target<std::vector<Address>>(slot));
    case Kind::NetworkList: return read_networks(r, row, value, target<std::vector<Network>>(slot));
    case Kind::Instances: return read_instances(r, row, value, target<std::vector<Instance>>(slot));
    case Kind::CheckPath: return read_check_path(r, row, value, target<Check>(slot));
    case Kind::CheckFlag: return read_check_flag(r, row, value, target<Check>(slot));
    case Kind::StatusRange: return read_status(r, value, target<Check>(slot));
    case Kind::HeaderMap: return read_header_map(r, row, value, target<std::vector<HeaderOp>>(slot));
    case Kind::HeaderNames: return read_header_names(r, row, value, target<std::vector<HeaderOp>>(slot));
    case Kind::SqlRules: return read_sql_rules(r, row, value, target<std::vector<SqlRule>>(slot));
    case Kind::TimeOfDay: return read_time_of_day(r, value, target<std::uint32_t>(slot));
    case Kind::ErrorPage: return read_error_page(r, row, value, target<Route>(slot));
    case Kind::TlsVersion:
      if (value.text == "1.2" || value.text == "1.3")
        target<bool>(slot) = value.text == "1.3";
      else
        r.report.error(value.place, "expected \"1.2\" or \"1.3\"");
      return;
    default: CHECK(false);
  }
}

}  // namespace holdfast::conf
