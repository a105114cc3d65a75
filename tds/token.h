// Single tokens of a response (MS-TDS 2.2.7): read from whole bytes, and written for answers of our own.
// TokenWalk finds them in a stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tds/login7.h"

namespace holdfast::tds {

enum class Token : std::uint8_t {
  TvpRow = 0x01, AltMetadata = 0x88, AltRow = 0xD3, ColMetadata = 0x81, ColInfo = 0xA5,
  DataClassification = 0xA3, Done = 0xFD, DoneProc = 0xFE, DoneInProc = 0xFF, EnvChange = 0xE3,
  Error = 0xAA, Info = 0xAB, FeatureExtAck = 0xAE, FedAuthInfo = 0xEE, LoginAck = 0xAD,
  NbcRow = 0xD2, Offset = 0x78, Order = 0xA9, ReturnStatus = 0x79,
  ReturnValue = 0xAC, Row = 0xD1, SessionState = 0xE4, Sspi = 0xED, TabName = 0xA4,
};

namespace done_status {  // 2.2.7.6
inline constexpr std::uint16_t more = 0x01, error = 0x02, in_transaction = 0x04, count = 0x10,
                               attention = 0x20, rpc_in_batch = 0x80, server_error = 0x100;
}
struct Done {
  Token token = Token::Done;
  std::uint16_t status = 0, command = 0;
  std::uint64_t count = 0;
};
/// 13 bytes since 7.2, 9 before.
std::size_t done_size(std::uint32_t version);
std::optional<Done> parse_done(Bytes token, std::uint32_t version);
void append_done(std::string& out, std::uint32_t version, const Done& done);

enum class EnvKind : std::uint8_t {
  Database = 1, Language = 2, PacketSize = 4, Collation = 7, Begin = 8, Commit = 9, Rollback = 10,
  Enlist = 11, Defect = 12, Mirror = 13, Promote = 15, TmAddress = 16,
  Ended = 17, ResetAck = 18, UserInstance = 19, Routing = 20, EnhancedRouting = 21,
};
/// Views into the token. Texts are UTF-16LE; descriptors are eight bytes; Routing and Promote have
/// new_value only.
struct EnvChange {
  EnvKind kind{};
  Bytes new_value, old_value;
};
std::optional<EnvChange> parse_env_change(Bytes token);
void append_env_change(std::string& out, EnvKind kind, Bytes new_value, Bytes old_value);

/// ERROR and INFO.
struct ServerMessage {
  Token token = Token::Error;
  std::uint32_t number = 0;
  std::uint8_t state = 1, severity = 16;   ///< "class" in the specification
  std::string text, server, procedure;     ///< UTF-16LE
  std::uint32_t line = 1;
};
std::optional<ServerMessage> parse_server_message(Bytes token, std::uint32_t version);
void append_server_message(std::string& out, std::uint32_t version, const ServerMessage& message);

struct LoginAck {
  std::uint8_t interface = 1;
  std::uint32_t version = 0;               ///< as in Login7
  std::string program;                     ///< UTF-16LE
  std::uint32_t program_version = 0;       ///< major in the top byte
};
std::optional<LoginAck> parse_login_ack(Bytes token);
void append_login_ack(std::string& out, const LoginAck& ack);

std::optional<std::vector<FeatureOption>> parse_feature_ack(Bytes token);
void append_feature_ack(std::string& out, const std::vector<FeatureOption>& features);

struct SessionState {
  std::uint32_t sequence = 0;
  bool recoverable = false;
  std::vector<SessionStateValue> states;
};
std::optional<SessionState> parse_session_state(Bytes token);
void append_session_state(std::string& out, const SessionState& state);

/// Of RETURNVALUE: where an INTN(4) value stands in the token, and it. Nullopt if it is null or of another
/// type.
struct ReturnedInt {
  std::uint16_t ordinal = 0;
  std::size_t at = 0;                      ///< offset of its four bytes in the token
  std::int32_t value = 0;
};
std::optional<ReturnedInt> parse_returned_int(Bytes token, std::uint32_t version);
void append_return_status(std::string& out, std::int32_t value);
void append_returned_int(std::string& out, std::uint32_t version, Bytes name, std::int32_t value);

}  // namespace holdfast::tds
