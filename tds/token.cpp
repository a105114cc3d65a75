#include "tds/token.h"

#include <algorithm>

#include "tds/little.h"
#include "tds/type_info.h"

namespace holdfast::tds {

namespace {

using tds_version::has_all_headers;

// On the wire LOGINACK names 7.0 and 7.1 in another way than LOGIN7 does (MS-TDS 2.2.7.14).
constexpr std::uint32_t ack_7_0 = 0x07000000, ack_7_1 = 0x07010000;
constexpr std::size_t text_units_max = 4000, name_units_max = 128;

bool is_a(Bytes token, Token type) {
  return !token.empty() && static_cast<unsigned char>(token.front()) == static_cast<unsigned char>(type);
}

// What stands behind the type byte and a length of two bytes that must be true.
std::optional<LittleReader> body_of(Bytes token, Token type) {
  LittleReader in(token);
  if (!is_a(token, type) || !in.u8()) return std::nullopt;
  const auto length = in.u16();
  if (!length || *length != in.rest().size()) return std::nullopt;
  return LittleReader(in.rest());
}

void append_ushort_token(std::string& out, Token type, Bytes body) {
  LittleWriter(out)
      .u8(static_cast<std::uint8_t>(type))
      .u16(static_cast<std::uint16_t>(body.size()))
      .bytes(body);
}

Bytes units(Bytes utf16, std::size_t most) { return utf16.substr(0, std::min(utf16.size() / 2, most) * 2); }

std::uint32_t swapped(std::uint32_t v) { return v << 24 | (v << 8 & 0xff0000) | (v >> 8 & 0xff00) | v >> 24; }

}  // namespace

std::size_t done_size(std::uint32_t version) { return has_all_headers(version) ? 13 : 9; }

std::optional<Done> parse_done(Bytes token, std::uint32_t version) {
  if (token.size() != done_size(version)) return std::nullopt;
  if (!is_a(token, Token::Done) && !is_a(token, Token::DoneProc) && !is_a(token, Token::DoneInProc))
    return std::nullopt;
  Done done;
  done.token = Token{static_cast<std::uint8_t>(token[0])};
  done.status = load_little<std::uint16_t>(token.data() + 1);
  done.command = load_little<std::uint16_t>(token.data() + 3);
  const char* const count = token.data() + 5;
  done.count =
      has_all_headers(version) ? load_little<std::uint64_t>(count) : load_little<std::uint32_t>(count);
  return done;
}

void append_done(std::string& out, std::uint32_t version, const Done& done) {
  LittleWriter to(out);
  to.u8(static_cast<std::uint8_t>(done.token)).u16(done.status).u16(done.command);
  if (has_all_headers(version))
    to.u64(done.count);
  else
    to.u32(static_cast<std::uint32_t>(std::min<std::uint64_t>(done.count, 0xffffffff)));
}

std::optional<ServerMessage> parse_server_message(Bytes token, std::uint32_t version) {
  ServerMessage message;
  message.token = is_a(token, Token::Info) ? Token::Info : Token::Error;
  auto in = body_of(token, message.token);
  if (!in) return std::nullopt;
  const auto number = in->u32();
  const auto state = in->u8(), severity = in->u8();
  const auto text = in->us_varchar();
  const auto server = in->b_varchar(), procedure = in->b_varchar();
  const auto line = has_all_headers(version) ? in->u32() : std::optional<std::uint32_t>(in->u16());
  if (in->failed()) return std::nullopt;
  message.number = *number;
  message.state = *state;
  message.severity = *severity;
  message.text = *text;
  message.server = *server;
  message.procedure = *procedure;
  message.line = *line;
  return message;
}

void append_server_message(std::string& out, std::uint32_t version, const ServerMessage& message) {
  std::string body;
  LittleWriter to(body);
  to.u32(message.number).u8(message.state).u8(message.severity);
  to.us_varchar(units(message.text, text_units_max));
  to.b_varchar(units(message.server, name_units_max)).b_varchar(units(message.procedure, name_units_max));
  if (has_all_headers(version))
    to.u32(message.line);
  else
    to.u16(static_cast<std::uint16_t>(std::min<std::uint32_t>(message.line, 0xffff)));
  append_ushort_token(out, message.token, body);
}

std::optional<LoginAck> parse_login_ack(Bytes token) {
  auto in = body_of(token, Token::LoginAck);
  if (!in) return std::nullopt;
  const auto interface = in->u8();
  const auto version = in->u32();
  const auto program = in->b_varchar();
  const auto program_version = in->u32();
  if (in->failed()) return std::nullopt;
  LoginAck ack{*interface, swapped(*version), std::string(*program), swapped(*program_version)};
  if (ack.version == ack_7_0) ack.version = tds_version::v7_0;
  if (ack.version == ack_7_1) ack.version = tds_version::v7_1;
  return ack;
}

void append_login_ack(std::string& out, const LoginAck& ack) {
  std::uint32_t version = ack.version;
  if (version == tds_version::v7_0) version = ack_7_0;
  if (version == tds_version::v7_1) version = ack_7_1;
  std::string body;
  LittleWriter(body)
      .u8(ack.interface)
      .u32(swapped(version))
      .b_varchar(units(ack.program, name_units_max))
      .u32(swapped(ack.program_version));
  append_ushort_token(out, Token::LoginAck, body);
}

std::optional<std::vector<FeatureOption>> parse_feature_ack(Bytes token) {
  LittleReader in(token);
  if (!is_a(token, Token::FeatureExtAck) || !in.u8()) return std::nullopt;
  std::vector<FeatureOption> features;
  for (;;) {
    const auto id = in.u8();
    if (!id) return std::nullopt;
    if (*id == 0xff) break;
    const auto length = in.u32();
    const auto data = length ? in.bytes(*length) : std::nullopt;
    if (!data || features.size() == features_max) return std::nullopt;
    features.push_back({*id, std::string(*data)});
  }
  if (!in.rest().empty()) return std::nullopt;
  return features;
}

void append_feature_ack(std::string& out, const std::vector<FeatureOption>& features) {
  LittleWriter to(out);
  to.u8(static_cast<std::uint8_t>(Token::FeatureExtAck));
  for (const FeatureOption& feature : features)
    to.u8(feature.id).u32(static_cast<std::uint32_t>(feature.data.size())).bytes(feature.data);
  to.u8(0xff);
}

std::optional<SessionState> parse_session_state(Bytes token) {
  LittleReader in(token);
  if (!is_a(token, Token::SessionState) || !in.u8()) return std::nullopt;
  const auto length = in.u32();
  if (!length || *length != in.rest().size()) return std::nullopt;
  const auto sequence = in.u32();
  const auto status = in.u8();
  if (in.failed()) return std::nullopt;
  auto states = parse_state_values(in.rest());
  if (!states) return std::nullopt;
  return SessionState{*sequence, (*status & 1) != 0, std::move(*states)};
}

void append_session_state(std::string& out, const SessionState& state) {
  std::string body;
  LittleWriter(body).u32(state.sequence).u8(state.recoverable ? 1 : 0);
  append_state_values(body, state.states);
  LittleWriter(out)
      .u8(static_cast<std::uint8_t>(Token::SessionState))
      .u32(static_cast<std::uint32_t>(body.size()))
      .bytes(body);
}

std::optional<ReturnedInt> parse_returned_int(Bytes token, std::uint32_t version) {
  LittleReader in(token);
  if (!is_a(token, Token::ReturnValue) || !in.u8()) return std::nullopt;
  const auto ordinal = in.u16();
  in.b_varchar();
  in.bytes(std::size_t{1} + (has_all_headers(version) ? 4 : 2) + 2);  // Status, UserType, Flags
  const auto type = parse_type_info(in, version);
  if (!type || !*type) return std::nullopt;
  const bool nullable = (*type)->type == 0x26;  // INTN, with a length in front
  if ((*type)->size != 4 || (!nullable && (*type)->type != 0x38)) return std::nullopt;
  if (nullable && in.u8() != 4) return std::nullopt;
  const std::size_t at = in.at();
  const auto value = in.u32();
  if (!value || !in.rest().empty()) return std::nullopt;
  return ReturnedInt{*ordinal, at, static_cast<std::int32_t>(*value)};
}

void append_return_status(std::string& out, std::int32_t value) {
  LittleWriter(out).u8(static_cast<std::uint8_t>(Token::ReturnStatus)).u32(static_cast<std::uint32_t>(value));
}

void append_returned_int(std::string& out, std::uint32_t version, Bytes name, std::int32_t value) {
  LittleWriter to(out);
  to.u8(static_cast<std::uint8_t>(Token::ReturnValue)).u16(0).b_varchar(units(name, name_units_max));
  to.u8(1);                                                // Status: an OUTPUT parameter
  has_all_headers(version) ? to.u32(0) : to.u16(0);        // UserType
  to.u16(0);                                               // Flags
  append_int_type(out);
  to.u8(4).u32(static_cast<std::uint32_t>(value));
}

}  // namespace holdfast::tds
