#include <algorithm>
#include <cstdio>

#include "tds/little.h"
#include "tests/sqlnode/encode.h"
#include "tests/sqlnode/node.h"
#include "tests/sqlnode/session.h"
#include "tests/sqlnode/session_state.h"

namespace holdfast::sqlnode {
namespace {

// Takes what a statement of the login's own yields; only its first error is of interest.
class Quiet final : public Sink {
 public:
  void columns(const std::vector<Column>&) override {}
  bool row(const std::vector<Value>&) override { return true; }
  void done(bool, std::uint64_t, std::uint16_t) override {}
  void error(const Message& message) override {
    if (!first_) first_ = message;
  }
  void info(const Message&) override {}
  void database(const std::string&, const std::string&) override {}
  void language(const std::string&, const std::string&) override {}
  void began(std::uint64_t) override {}
  void ended(std::uint64_t, bool) override {}
  void output(const Parameter&) override {}
  void status(std::int32_t) override {}
  const std::optional<Message>& first() const { return first_; }

 private:
  std::optional<Message> first_;
};

bool runs(Engine& engine, const std::string& sql) {
  Quiet sink;
  const std::atomic<bool> cancelled{false};
  if (!sql.empty()) engine.batch(sql, {}, false, sink, cancelled);
  return !sink.first();
}

std::string bracketed(const std::string& name) {
  std::string out = "[";
  for (const char c : name) out += c == ']' ? "]]" : std::string(1, c);
  return out + "]";
}

Message cannot_open(const std::string& database) {
  return {4060, 1, 11, "Cannot open database \"" + database + "\" requested by the login. The login failed.",
          "",   1};
}

Message login_failed(const std::string& user) {
  return {18456, 1, 14, "Login failed for user '" + user + "'.", "", 1};
}

Message refusal_message(std::uint32_t error, const std::string& database, const std::string& user) {
  Message message{error, 1, 14, "The login is refused on command.", "", 1};
  if (error == 983)
    message.text =
        "Unable to access availability database '" + database +
        "' because the database replica is not in the PRIMARY or SECONDARY role. Connections to an "
        "availability database is permitted only when the database replica is in the PRIMARY or SECONDARY "
        "role. Try the operation again later.";
  if (error == 976)
    message.text =
        "The target database, '" + database +
        "', is participating in an availability group and is currently not accessible for queries. Either "
        "data movement is suspended or the availability replica is not enabled for read access.";
  if (error == 18401)
    message.text =
        "Login failed for user '" + user +
        "'. Reason: Server is in script upgrade mode. Only administrator can connect at this time.";
  return message;
}

tds::Encryption setting_of(Encrypt encrypt) {
  return encrypt == Encrypt::On     ? tds::Encryption::On
         : encrypt == Encrypt::None ? tds::Encryption::NotSupported
                                    : tds::Encryption::Off;
}

}  // namespace

bool Session::greet() {
  const int first = channel_.peek();
  if (first < 0) return false;
  const bool strict = first == 0x16;  // a TLS record: TDS 8.0
  if (!strict && node_->options().encrypt == Encrypt::StrictOnly) return false;
  if (strict && !channel_.start_strict(node_->certificate())) return false;
  auto message = read_message(tds::Scope::Nothing);
  tds::Scope scope = tds::Scope::Nothing;
  if (message && message->type == tds::PacketType::Prelogin) {
    if (!answer_prelogin(message->payload, strict, scope)) return false;
    if (!strict && scope != tds::Scope::Nothing && !channel_.start_wrapped(node_->certificate()))
      return false;
    message = read_message(scope);
  }
  if (!message || message->type != tds::PacketType::Login7) return false;
  return log_in(message->payload);
}

// With login-only encryption the first packet of the login is encrypted and nothing else (3.2.5.3).
std::optional<Session::First> Session::read_message(tds::Scope scope) {
  tds::MessageReader reader(tds::login7_max + tds::packet_size_before_login);
  while (true) {
    if (scope == tds::Scope::Login && channel_.has_tls() && plain_.size() >= tds::packet_header_size) {
      const auto header = tds::parse_packet_header(Bytes(plain_).substr(0, tds::packet_header_size));
      if (!header) return std::nullopt;
      if (plain_.size() >= header->length) channel_.end_tls();
    }
    if (scope != tds::Scope::Login || !channel_.has_tls()) {
      Bytes in = plain_;
      const auto whole = reader.next(in);
      if (!whole) return std::nullopt;
      plain_.erase(0, plain_.size() - in.size());
      if (*whole) return First{reader.type(), reader.take_payload()};
    }
    if (!channel_.read(plain_)) return std::nullopt;
  }
}

bool Session::answer_prelogin(Bytes payload, bool strict, tds::Scope& scope) {
  const auto asked = tds::parse_prelogin(payload);
  if (!asked) {
    std::fprintf(stderr, "sqlnode: PRELOGIN: %s\n", asked.error().text.c_str());
    return false;
  }
  const auto decision = tds::answer_encryption(setting_of(node_->options().encrypt),
                                               asked->encryption.value_or(tds::Encryption::NotSupported));
  tds::Prelogin answer;
  answer.version = 0x0F0007D0;  // 15.0.2000, what the engine says too
  answer.encryption = decision.answer;
  answer.instance = std::string(1, '\0');
  answer.mars = 0;
  if (asked->fed_auth_required) answer.fed_auth_required = 0;
  std::string body, packet;
  tds::append_prelogin(body, answer);
  tds::append_message(packet, tds::PacketType::Response, body, tds::packet_size_before_login);
  scope = strict ? tds::Scope::Nothing : decision.scope;  // with TLS around it the option says nothing
  return channel_.write(packet) && (strict || !decision.refused);
}

bool Session::choose_version(std::uint32_t asked) {
  using namespace tds::tds_version;
  const bool known = asked == v8_0 || asked == v7_1 || asked == v7_1_sp1 || asked == v7_2 || asked == v7_3a ||
                     asked == v7_3b;
  wire_.version = known ? asked : v7_4;
  return known || (asked >= v7_4 && asked < 0x80000000);
}

bool Session::refuse(const Message& message, std::optional<Message> after) {
  ++node_->counters.refused;
  Reply reply(wire_, [] { return true; }, [] { return false; });
  reply.error(message);
  if (after) reply.error(*after);
  reply.finish();
  return false;
}

bool Session::log_in(Bytes payload) {
  is_session_ = true;
  const auto login = tds::parse_login7(payload);
  if (!login) {
    std::fprintf(stderr, "sqlnode: LOGIN7: %s\n", login.error().text.c_str());
    return false;
  }
  if (!choose_version(login->version)) return false;
  std::string database = tds::to_utf8(login->database);
  if (database.empty()) database = "master";
  if (login->integrated() && !exchange_tokens(*login)) return false;
  if (!check_login(*login, database) || !open_session(*login, database)) return false;
  acknowledge(*login, database);
  ++node_->counters.logins;
  return true;
}

/// A stand-in for NTLM's two steps (MS-TDS 3.2.5.2): any first token gets a challenge that names this
/// connection, and the right answer to it is its bytes backwards.
bool Session::exchange_tokens(const tds::Login7& login) {
  const std::string challenge = login.sspi + "-" + std::to_string(spid_) + "-" + node_->options().name;
  std::string token, packet;
  tds::LittleWriter(token)
      .u8(static_cast<std::uint8_t>(tds::Token::Sspi))
      .u16(static_cast<std::uint16_t>(challenge.size()))
      .bytes(challenge);
  tds::append_message(packet, tds::PacketType::Response, token, tds::packet_size_before_login);
  if (!channel_.write(packet)) return false;
  const auto answer = read_message(tds::Scope::Nothing);
  if (!answer || answer->type != tds::PacketType::Sspi) return false;
  return answer->payload == std::string(challenge.rbegin(), challenge.rend()) ||
         refuse({18452, 1, 14, "Login failed. The login is from an untrusted domain.", "", 1});
}

bool Session::check_login(const tds::Login7& login, const std::string& database) {
  const std::string user = tds::to_utf8(login.user);
  const auto known = node_->options().logins.find(user);
  if (!login.integrated() &&
      (known == node_->options().logins.end() || tds::to_utf16(known->second) != login.password.reveal()))
    return refuse(login_failed(user));
  const std::uint32_t error = node_->refusal(database);
  return error == 0 || refuse(refusal_message(error, database, user));
}

bool Session::open_session(const tds::Login7& login, const std::string& database) {
  const std::string user = tds::to_utf8(login.user);
  engine_ = make_engine(node_->database(), node_->facts(), spid_);
  prepared_ = std::make_unique<Prepared>(*engine_);
  SessionSettings& settings = engine_->settings();
  settings.login = user;
  settings.application = tds::to_utf8(login.application);
  settings.host = tds::to_utf8(login.host);
  if (!runs(*engine_, "USE " + bracketed(database) + ";"))
    return refuse(cannot_open(database), login_failed(user));
  const std::string language = tds::to_utf8(login.language);
  if (!language.empty()) runs(*engine_, "SET LANGUAGE " + bracketed(language) + ";");
  // fODBC (2.2.6.4) stands for the ANSI defaults, which are the engine's own.
  initial_ = told_ = state_values(settings);
  settings.home = settings.database;
  const auto* feature = login.feature(tds::Feature::SessionRecovery);
  recovery_ = feature != nullptr && node_->options().session_recovery;
  if (!recovery_ || feature->data.empty()) return true;
  return recover(login) || refuse({4060, 2, 20, "The session cannot be recovered.", "", 1});
}

bool Session::recover(const tds::Login7& login) {
  const auto states = tds::parse_recovery_data(login.feature(tds::Feature::SessionRecovery)->data);
  if (!states) return false;
  const auto& [before, now] = *states;
  std::string sql;
  for (const auto* each : {&before, &now}) {
    const auto restoring = restoring_sql(each->states);
    if (!restoring) return false;
    if (!each->database.empty()) sql += "USE " + bracketed(tds::to_utf8(each->database)) + ";\n";
    if (!each->language.empty()) sql += "SET LANGUAGE " + bracketed(tds::to_utf8(each->language)) + ";\n";
    sql += *restoring;
    if (!runs(*engine_, sql)) return false;
    if (each != &before) continue;
    initial_ = state_values(engine_->settings());
    engine_->settings().home = engine_->settings().database;
    sql.clear();
  }
  told_ = state_values(engine_->settings());
  ++node_->counters.recoveries;
  return true;
}

void Session::acknowledge(const tds::Login7& login, const std::string& asked_database) {
  Reply reply(wire_, [] { return true; }, [] { return false; });
  const SessionSettings& settings = engine_->settings();
  const std::string database = settings.database.empty() ? asked_database : settings.database;
  reply.database(database, "master");
  reply.environment(tds::EnvKind::Collation, collation, {});
  reply.language(settings.language, "");
  std::string tokens;
  tds::LoginAck ack;
  ack.version = wire_.version;
  ack.program = tds::to_utf16("Microsoft SQL Server");  // drivers look for the name
  ack.program_version = 0x0F0007D0;
  tds::append_login_ack(tokens, ack);
  reply.raw(tokens);
  std::uint32_t size = node_->options().packet_size != 0 ? node_->options().packet_size : login.packet_size;
  if (size == 0) size = tds::packet_size_before_login;
  size = std::clamp<std::uint32_t>(size, tds::packet_size_min, tds::packet_size_max);
  reply.environment(tds::EnvKind::PacketSize, tds::to_utf16(std::to_string(size)),
                    tds::to_utf16(std::to_string(tds::packet_size_before_login)));
  if (const std::string mirror = node_->faults.mirror(); !mirror.empty())
    reply.environment(tds::EnvKind::Mirror, tds::to_utf16(mirror), {});
  if (const std::string route = node_->faults.route(); !route.empty()) {
    const std::size_t colon = route.rfind(':');
    std::string value;
    tds::LittleWriter w(value);
    w.u8(0).u16(static_cast<std::uint16_t>(std::atoi(route.c_str() + colon + 1)));
    w.us_varchar(tds::to_utf16(route.substr(0, colon)));
    reply.environment(tds::EnvKind::Routing, value, {});
  }
  if (recovery_) {
    std::string states, acks;
    tds::append_state_values(states, told_);
    tds::append_feature_ack(acks, {{static_cast<std::uint8_t>(tds::Feature::SessionRecovery), states}});
    reply.raw(acks);
  }
  reply.finish();
  wire_.packet_size = size;
}

}  // namespace holdfast::sqlnode
