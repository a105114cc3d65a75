#include "tests/sqlnode/options.h"

#include <cstdlib>

namespace holdfast::sqlnode {
namespace {

Status set_listen(Options& options, const std::string& value) {
  const std::size_t colon = value.rfind(':');
  if (colon == std::string::npos) return fail(Blame::Operator, "--listen wants ADDRESS:PORT");
  options.host = value.substr(0, colon);
  options.port = static_cast<std::uint16_t>(std::atoi(value.c_str() + colon + 1));
  return {};
}

Status set_login(Options& options, const std::string& value) {
  const std::size_t colon = value.find(':');
  if (colon == std::string::npos) return fail(Blame::Operator, "--login wants user:password");
  options.logins[value.substr(0, colon)] = value.substr(colon + 1);
  return {};
}

Status set_encrypt(Options& options, const std::string& value) {
  if (value == "off")
    options.encrypt = Encrypt::Off;
  else if (value == "on" || value == "required")
    options.encrypt = Encrypt::On;
  else if (value == "none")
    options.encrypt = Encrypt::None;
  else if (value == "strict")
    options.encrypt = Encrypt::StrictOnly;
  else
    return fail(Blame::Operator, "--encrypt wants off, on, required, none or strict");
  return {};
}

Status set_switch(bool& option, const std::string& name, const std::string& value) {
  if (value != "on" && value != "off") return fail(Blame::Operator, name + " wants on or off");
  option = value == "on";
  return {};
}

Status set(Options& options, const std::string& name, const std::string& value) {
  if (name == "--listen") return set_listen(options, value);
  if (name == "--login") return set_login(options, value);
  if (name == "--encrypt") return set_encrypt(options, value);
  if (name == "--hadr") return set_switch(options.hadr, name, value);
  if (name == "--cluster") return set_switch(options.cluster, name, value);
  if (name == "--durable") return set_switch(options.durable, name, value);
  if (name == "--session-recovery") return set_switch(options.session_recovery, name, value);
  if (name == "--role") {
    const auto role = parse_role(value);
    if (!role) return std::unexpected(role.error());
    options.role = *role;
  } else if (name == "--data") {
    options.data = value;
  } else if (name == "--name") {
    options.name = value;
  } else if (name == "--tls") {
    options.certificate = value;
  } else if (name == "--control") {
    options.control = value;
  } else if (name == "--packet-size") {
    options.packet_size = static_cast<std::uint32_t>(std::atoi(value.c_str()));
  } else {
    return fail(Blame::Operator, "unknown option " + name);
  }
  return {};
}

}  // namespace

Result<Role> parse_role(const std::string& word) {
  if (word == "primary") return Role::Primary;
  if (word == "secondary") return Role::Secondary;
  if (word == "readable") return Role::Readable;
  if (word == "resolving") return Role::Resolving;
  return fail(Blame::Operator, "a role is primary, secondary, readable or resolving");
}

const char* role_name(Role role) {
  switch (role) {
    case Role::Primary: return "primary";
    case Role::Secondary: return "secondary";
    case Role::Readable: return "readable";
    default: return "resolving";
  }
}

Result<Options> parse_options(int count, char** words) {
  Options options;
  for (int i = 1; i < count; i += 2) {
    if (i + 1 >= count) return fail(Blame::Operator, std::string(words[i]) + " wants a value");
    const auto ok = set(options, words[i], words[i + 1]);
    if (!ok) return std::unexpected(ok.error());
  }
  if (options.data.empty()) return fail(Blame::Operator, "--data is missing");
  if (options.logins.empty()) options.logins["sa"] = "sqlnode";
  return options;
}

}  // namespace holdfast::sqlnode
