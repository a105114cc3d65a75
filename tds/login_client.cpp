#include "tds/login.h"

namespace holdfast::tds {

namespace {

std::unexpected<Error> refuse(const char* what) { return fail(Blame::Client, what); }

bool insists(Encryption encryption) {
  return encryption == Encryption::On || encryption == Encryption::Required;
}

// Drivers take the answer to be of the same shape as their question, so only what was asked for is in it.
Prelogin answer_to(const Prelogin& client, const ClientLogin::Options& options, Encryption encryption) {
  Prelogin answer;
  answer.version = options.server_version;
  answer.sub_build = options.sub_build;
  answer.encryption = encryption;
  if (client.instance) answer.instance = std::string(1, '\0');  // 2.2.6.5: the name was right
  if (client.mars) answer.mars = 0;
  if (client.fed_auth_required) answer.fed_auth_required = 0;
  return answer;
}

// What a login asks for that is not relayed; nothing if all is well.
std::string_view unfit(const Login7& login) {
  if (login.version >> 24 != tds_version::v8_0 >> 24 && login.version < tds_version::v7_1)
    return "Holdfast relays TDS 7.1 and later; this client speaks an older version.";
  if (login.feature(Feature::FedAuth))
    return "Holdfast relays SQL Server and Windows logins; federated authentication is not relayed.";
  return {};
}

}  // namespace

std::uint64_t feature_set(const Login7& login) {
  std::uint64_t set = 0;
  for (const FeatureOption& option : login.features)
    if (option.id < 64) set |= std::uint64_t{1} << option.id;
  return set;
}

ClientLogin::ClientLogin(const Options& options) : options_(options), reader_(login7_max) {
  reader_.set_longest_packet(packet_size_before_login);
}

Result<LoginStep> ClientLogin::feed(Bytes& in) {
  if (state_ == State::Over) return refuse("bytes after the end of a login");
  LoginStep step;
  const auto whole = gather(in);
  if (!whole) {
    state_ = State::Over;
    return std::unexpected(whole.error());
  }
  if (state_ == State::Login && scope_ == Scope::Login && reader_.packets() > 0) {
    if (!in.empty()) {
      state_ = State::Over;
      return refuse("more than the first packet of LOGIN7 came in TLS");
    }
    step.end_tls = true;
    state_ = State::LoginInClear;
  }
  if (!*whole) return step;
  const Status status = on_message(in, step);
  reader_.clear();
  if (!status || !step.refused.empty()) state_ = State::Over;
  if (!status) return std::unexpected(status.error());
  return step;
}

// To the end of a message; while TLS is on for the login only, no further than the end of its first packet.
Result<bool> ClientLogin::gather(Bytes& in) {
  if (state_ != State::Login || scope_ != Scope::Login) return reader_.next(in);
  while (!in.empty() && reader_.packets() == 0) {
    Bytes part = in.substr(0, reader_.missing());
    const std::size_t taken = part.size();
    const auto whole = reader_.next(part);
    in.remove_prefix(taken);
    if (!whole || *whole) return whole;
  }
  return false;
}

Status ClientLogin::on_message(Bytes rest, LoginStep& step) {
  switch (state_) {
    case State::Prelogin:
      if (reader_.type() == PacketType::Prelogin) return on_prelogin(rest, step);
      // Optional before 7.1; but then nothing has been said about encryption.
      if (reader_.type() == PacketType::Login7 && (options_.strict || !insists(options_.encryption)))
        return on_login(step);
      return refuse("a TDS connection that does not begin with PRELOGIN");
    case State::Login:
    case State::LoginInClear:
      if (reader_.type() == PacketType::Login7) return on_login(step);
      return refuse("something else than LOGIN7 behind PRELOGIN");
    case State::Done:
      if (reader_.type() != PacketType::Sspi) return refuse("a request before the login was answered");
      if (reader_.payload().size() > sspi_max) return refuse("an SSPI token that is too long");
      step.sspi = reader_.payload();
      return {};
    case State::Over: break;
  }
  return refuse("bytes after the end of a login");
}

Status ClientLogin::on_prelogin(Bytes rest, LoginStep& step) {
  auto prelogin = parse_prelogin(reader_.payload());
  if (!prelogin) return std::unexpected(std::move(prelogin).error());
  prelogin_ = std::move(*prelogin);
  const Encryption asked = prelogin_.encryption.value_or(Encryption::NotSupported);
  EncryptionAnswer encryption;
  if (options_.strict) {
    encryption = {insists(asked) ? Encryption::On : Encryption::NotSupported, Scope::All, false};
  } else {
    if (asked > Encryption::Required) return refuse("PRELOGIN: an unknown kind of encryption");
    encryption = answer_encryption(options_.encryption, asked);
  }
  scope_ = encryption.scope;
  state_ = State::Login;
  std::string payload;
  append_prelogin(payload, answer_to(prelogin_, options_, encryption.answer));
  append_message(step.send, PacketType::Response, payload, packet_size_before_login);
  if (encryption.refused) {
    step.refused = options_.encryption == Encryption::NotSupported ? "the client insists on encryption"
                                                                   : "the client cannot encrypt";
    return {};
  }
  step.start_tls = scope_ != Scope::Nothing && !options_.strict;
  // What came in clear before a handshake must not be read as if it had come through it.
  if (step.start_tls && !rest.empty()) return refuse("bytes between PRELOGIN and its answer");
  return {};
}

Status ClientLogin::on_login(LoginStep& step) {
  auto login = parse_login7(reader_.payload());
  if (!login) return std::unexpected(std::move(login).error());
  login_ = std::move(*login);
  if (const std::string_view why = unfit(login_); !why.empty()) {
    std::string& out = step.end_tls ? step.send_after : step.send;
    append_message(out, PacketType::Response, login_refusal(login_.version, error_login_failed, why),
                   packet_size_before_login);
    step.refused = why;
    return {};
  }
  state_ = State::Done;
  step.done = true;
  return {};
}

}  // namespace holdfast::tds
