// What a server says to LOGIN7: the response is small and whole, so its tokens are walked here one by one.
#include <algorithm>
#include <array>
#include <charconv>

#include "tds/little.h"
#include "tds/login.h"
#include "tds/token.h"

namespace holdfast::tds {

namespace {

using Outcome = ServerLogin::Outcome;

std::unexpected<Error> refuse(const char* what) {
  return fail(Blame::Server, std::string("the answer to a login: ") + what);
}

constexpr std::size_t collation_size = 5;
constexpr std::size_t head_short = 1 + 2, head_long = 1 + 4;  // a token's type and its length

std::size_t feature_ack_size(Bytes bytes) {
  LittleReader in(bytes);
  (void)in.u8();
  for (;;) {
    const auto id = in.u8();
    if (!id) return 0;
    if (*id == 0xFF) return in.at();
    const auto length = in.u32();
    if (!length || !in.bytes(*length)) return 0;
  }
}

// A DONE behind which nothing may follow.
bool ends(Bytes token) {
  if (static_cast<Token>(token.front()) != Token::Done) return false;
  const auto status = LittleReader(token.substr(1)).u16();
  return status && (*status & done_status::more) == 0;
}

// Bytes of the token at the front, 0 if it has no place in a login or is not whole. `version` is known once
// the server has acknowledged one; a server that refuses may write DONE in the width of another than was
// asked for (MS-TDS appendix A, note 47), so there a DONE that is the last token is taken as long as it is.
std::size_t token_size(Bytes bytes, std::uint32_t version, bool acknowledged) {
  const auto length_at_1 = [&](std::size_t head) -> std::size_t {
    LittleReader in(bytes.substr(1));
    const auto length = head == head_short ? std::optional<std::uint32_t>(in.u16()) : in.u32();
    return length && *length <= in.rest().size() ? head + *length : 0;
  };
  switch (Token{static_cast<unsigned char>(bytes.front())}) {
    case Token::EnvChange:
    case Token::Error:
    case Token::Info:
    case Token::LoginAck:
    case Token::Sspi: return length_at_1(head_short);
    case Token::SessionState:
    case Token::FedAuthInfo: return length_at_1(head_long);
    case Token::FeatureExtAck: return feature_ack_size(bytes);
    case Token::ReturnStatus: return 5;
    case Token::Done:
    case Token::DoneProc:
    case Token::DoneInProc:
      if (!acknowledged && ends(bytes) &&
          (bytes.size() == done_size(tds_version::v7_1) || bytes.size() == done_size(tds_version::v7_4)))
        return bytes.size();
      return done_size(version);
    default: return 0;
  }
}

class Response {
 public:
  Response(std::uint32_t version, std::uint64_t client_features)
      : version_(version), client_features_(client_features) {
    out_.facts.version = version;
    out_.facts.client_asked_recovery = asked(static_cast<std::uint8_t>(Feature::SessionRecovery));
  }

  Status take(Bytes token);
  Result<ServerLogin::Result_> finish();

 private:
  bool asked(std::uint8_t id) const { return id < 64 && (client_features_ >> id & 1) != 0; }
  void keep(Bytes token) { out_.answer.append(token); }
  Status take_env_change(Bytes token);
  Status take_route(Bytes value);
  Status take_packet_size(Bytes digits);
  Status take_error(Bytes token);
  Status take_features(Bytes token);

  std::uint32_t version_;
  std::uint64_t client_features_;
  ServerLogin::Result_ out_;
  bool acknowledged_ = false, failed_ = false, sspi_ = false, routed_ = false, fed_auth_ = false,
       done_ = false;
};

Status Response::take(Bytes token) {
  if (done_) return refuse("tokens after the last DONE");
  switch (Token{static_cast<unsigned char>(token.front())}) {
    case Token::EnvChange: return take_env_change(token);
    case Token::Error: return take_error(token);
    case Token::LoginAck: {
      const auto ack = parse_login_ack(token);
      if (!ack || acknowledged_) return refuse("LOGINACK");
      acknowledged_ = true;
      version_ = out_.facts.version = ack->version;
      out_.facts.server_version = ack->program_version;
      break;
    }
    case Token::FeatureExtAck: return take_features(token);
    case Token::SessionState:
      if (!out_.facts.client_asked_recovery) return {};
      break;
    case Token::Sspi: sspi_ = true; break;
    case Token::FedAuthInfo: fed_auth_ = true; return {};
    case Token::Done: {
      const std::uint16_t status = LittleReader(token.substr(1)).u16().value_or(0);
      done_ = (status & done_status::more) == 0;
      break;
    }
    default: break;
  }
  keep(token);
  return {};
}

Status Response::take_env_change(Bytes token) {
  const auto change = parse_env_change(token);
  if (!change) return refuse("ENVCHANGE");
  switch (change->kind) {
    case EnvKind::Mirror: return {};
    case EnvKind::Routing:
    case EnvKind::EnhancedRouting: return take_route(change->new_value);
    case EnvKind::PacketSize:
      if (auto status = take_packet_size(change->new_value); !status) return status;
      break;
    case EnvKind::Database: out_.facts.database = change->new_value; break;
    case EnvKind::Language: out_.facts.language = change->new_value; break;
    case EnvKind::Collation:
      if (change->new_value.size() != collation_size) return refuse("a collation of a wrong length");
      out_.facts.collation = change->new_value;
      break;
    default: break;
  }
  keep(token);
  return {};
}

// 2.2.7.9, type 20: protocol (0: TCP), port, server; type 21 adds a database.
Status Response::take_route(Bytes value) {
  LittleReader in(value);
  const auto protocol = in.u8();
  const auto port = in.u16();
  const auto host = in.us_varchar();
  if (!host || *protocol != 0 || *port == 0 || host->empty()) return refuse("a route that leads nowhere");
  routed_ = true;
  out_.routed_host = to_utf8(*host);
  out_.routed_port = *port;
  return {};
}

Status Response::take_packet_size(Bytes digits) {
  const std::string text = to_utf8(digits);
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size() || size < packet_size_min ||
      size > packet_size_max)
    return refuse("a packet size that cannot be");
  out_.facts.client_packet_size = out_.facts.server_packet_size = size;
  return {};
}

Status Response::take_error(Bytes token) {
  // A server older than the client counts lines in two bytes, and a refused login names no version.
  auto message = parse_server_message(token, version_);
  if (!message) message = parse_server_message(token, tds_version::v7_1);
  if (!message) return refuse("ERROR");
  if (!failed_) {
    out_.error = message->number;
    out_.error_text = to_utf8(message->text);
  }
  failed_ = true;
  keep(token);
  return {};
}

Status Response::take_features(Bytes token) {
  auto features = parse_feature_ack(token);
  if (!features) return refuse("FEATUREEXTACK");
  for (const FeatureOption& feature : *features) {
    if (feature.id == static_cast<std::uint8_t>(Feature::ColumnEncryption))
      out_.facts.column_encryption = true;
    if (feature.id != static_cast<std::uint8_t>(Feature::SessionRecovery)) continue;
    auto states = parse_state_values(feature.data);
    if (!states) return std::unexpected(std::move(states).error());
    out_.facts.server_has_recovery = true;
    out_.facts.initial_state = std::move(*states);
  }
  // 2.2.7.11: a client must disconnect over a feature that it did not ask for.
  std::erase_if(*features, [&](const FeatureOption& feature) { return !asked(feature.id); });
  if (!features->empty()) append_feature_ack(out_.answer, *features);
  return {};
}

Result<ServerLogin::Result_> Response::finish() {
  if (sspi_ && !acknowledged_ && !failed_) {
    out_.outcome = Outcome::SspiAsked;
    return std::move(out_);
  }
  if (fed_auth_ && !acknowledged_ && !failed_) {
    out_.error = error_login_failed;
    out_.error_text = "the server asks for federated authentication, which is not relayed";
    out_.answer = login_refusal(version_, out_.error, out_.error_text);
    out_.outcome = Outcome::Refused;
    return std::move(out_);
  }
  if (!done_) return refuse("it does not end with DONE");
  if (acknowledged_)
    out_.outcome = routed_ ? Outcome::Routed : Outcome::Accepted;
  else if (failed_)
    out_.outcome = Outcome::Refused;
  else
    return refuse("neither LOGINACK nor ERROR");
  return std::move(out_);
}

}  // namespace

Result<ServerLogin::Result_> parse_login_response(Bytes payload, std::uint32_t version,
                                                  std::uint64_t client_features) {
  Response response(version, client_features);
  std::uint32_t negotiated = version;
  bool acknowledged = false;
  while (!payload.empty()) {
    const std::size_t size = token_size(payload, negotiated, acknowledged);
    if (size == 0 || size > payload.size()) return refuse("a token that has no place in it, or is cut short");
    const Bytes token = payload.substr(0, size);
    if (const auto ack = parse_login_ack(token)) {
      negotiated = ack->version;
      acknowledged = true;
    }
    if (auto status = response.take(token); !status) return std::unexpected(std::move(status).error());
    payload.remove_prefix(size);
  }
  return response.finish();
}

std::string login_refusal(std::uint32_t version, std::uint32_t number, std::string_view utf8) {
  ServerMessage message;
  message.number = number;
  message.severity = 14;
  message.text = to_utf16(utf8);
  std::string out;
  append_server_message(out, version, message);
  append_done(out, version, {Token::Done, done_status::error, 0, 0});
  return out;
}

bool is_failover_error(std::uint32_t number) {
  static constexpr std::array numbers = {
      596u,  // the session was killed
      921u,  // the database has not been recovered yet
      922u,  // it is being recovered
      927u,  // it is in the middle of a restore
      941u,   942u,   945u,   952u,  // not started, offline, inaccessible files, in transition
      976u,   978u,   979u,  // of an availability group, and not to be read here, or only with read intent
      982u,   983u,   988u,  // no connection to this replica's role, or no quorum
      3906u,  // the database is read-only
      3948u,  // the replica's role changed
      4221u,  // a secondary waits for row versions
      6005u,  // shutdown is in progress
      9001u,  // the log is not available
      17142u, 17147u, 17148u,  // the service is paused, or was ended
      18401u,  // script upgrade
      18451u,  // only administrators may connect
  };
  return std::find(numbers.begin(), numbers.end(), number) != numbers.end();
}

}  // namespace holdfast::tds
