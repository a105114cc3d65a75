// The node's command line.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "proxy/base/result.h"

namespace holdfast::sqlnode {

enum class Role : std::uint8_t { Primary, Secondary, Readable, Resolving };
/// Off, On and NotSupported are a server's settings in the table of MS-TDS 2.2.6.5; StrictOnly takes TDS
/// 8.0 alone.
enum class Encrypt : std::uint8_t { Off, On, None, StrictOnly };

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  std::string data, name = "SQL1", certificate, control;
  std::map<std::string, std::string> logins;  ///< user to password; none given: sa with the password sqlnode
  Encrypt encrypt = Encrypt::Off;
  Role role = Role::Primary;
  bool hadr = true, cluster = false, session_recovery = true, durable = true;
  std::uint32_t packet_size = 0;  ///< imposed on every client; 0: what the client asks
};

inline constexpr const char* usage =
    "sqlnode --listen 127.0.0.1:PORT --data FILE [--name SQL1] [--login user:password]... [--tls cert.pem]\n"
    "        [--encrypt off|on|required|none|strict] [--role primary|secondary|readable|resolving]\n"
    "        [--hadr on|off] [--cluster on|off] [--session-recovery on|off] [--durable on|off]\n"
    "        [--packet-size N] [--control PATH]\n";

Result<Options> parse_options(int count, char** words);
Result<Role> parse_role(const std::string& word);
const char* role_name(Role role);

}  // namespace holdfast::sqlnode
