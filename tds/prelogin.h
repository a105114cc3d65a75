// PRELOGIN (MS-TDS 2.2.6.5): the option table that both sides send first, and what the two sides' ENCRYPTION
// settings come to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace holdfast::tds {

enum class Encryption : std::uint8_t { Off = 0, On = 1, NotSupported = 2, Required = 3 };

struct Prelogin {
  std::uint32_t version = 0;      ///< of the product, as on the wire: major, minor, build
  std::uint16_t sub_build = 0;
  std::optional<Encryption> encryption;
  std::optional<std::string> instance;   ///< INSTOPT as sent, its zero byte included
  std::optional<std::uint32_t> thread;
  std::optional<std::uint8_t> mars;
  std::string trace;              ///< TRACEID: 36 bytes or none
  std::optional<std::uint8_t> fed_auth_required;
  std::string nonce;              ///< NONCEOPT: 32 bytes or none
};

inline constexpr std::size_t prelogin_max = 4096;  ///< bytes of payload that are read

/// Options out of bounds, overlapping the table, repeated or of a wrong length are errors; unknown ones are
/// passed over, as the specification asks.
Result<Prelogin> parse_prelogin(Bytes payload);
void append_prelogin(std::string& out, const Prelogin& prelogin);

/// What is encrypted on one connection.
enum class Scope : std::uint8_t { Nothing, Login, All };

struct EncryptionAnswer {
  Encryption answer = Encryption::Off;
  Scope scope = Scope::Nothing;
  bool refused = false;  ///< send the answer, then end
};
/// The table of 2.2.6.5: what a server set to Off, On or NotSupported answers to a client.
EncryptionAnswer answer_encryption(Encryption server, Encryption client);
/// What a client that sent `sent` does with a server's answer; an error where it must end the connection.
Result<Scope> scope_of_answer(Encryption sent, Encryption answer);

}  // namespace holdfast::tds
