#include <algorithm>

#include "proxy/base/check.h"
#include "tds/login.h"

namespace holdfast::tds {

namespace {

std::unexpected<Error> refuse(const char* what) { return fail(Blame::Server, what); }

// The codec cannot know who sent what it refuses; here it was the server.
std::unexpected<Error> blame_server(Error error) {
  error.blame = Blame::Server;
  return std::unexpected(std::move(error));
}

}  // namespace

ServerLogin::ServerLogin(const Options& options, const Login7& login, std::uint64_t client_features)
    : options_(options), login_(login), client_features_(client_features), reader_(login_response_max) {}

ServerLogin::ServerLogin(const Options& options) : options_(options), reader_(login_response_max) {}

LoginStep ServerLogin::start() {
  CHECK(state_ == State::Idle);
  state_ = State::Prelogin;
  Prelogin prelogin;
  prelogin.version = options_.version;
  prelogin.encryption = options_.strict ? Encryption::NotSupported : options_.encryption;
  prelogin.instance = options_.instance + '\0';
  prelogin.thread = 0;
  prelogin.mars = 0;
  std::string payload;
  append_prelogin(payload, prelogin);
  LoginStep step;
  append_message(step.send, PacketType::Prelogin, payload, packet_size_before_login);
  return step;
}

Result<LoginStep> ServerLogin::feed(Bytes& in) {
  if (state_ != State::Prelogin && state_ != State::Response)
    return refuse("the server speaks out of turn in a login");
  const auto whole = reader_.next(in);
  if (whole && !*whole) return LoginStep{};
  Result<LoginStep> step;
  if (!whole)
    step = std::unexpected(whole.error());
  else if (reader_.type() != PacketType::Response)
    step = refuse("the server's answer to a login is no response");
  else
    step = state_ == State::Prelogin ? on_prelogin(in) : on_response();
  reader_.clear();
  if (step) return step;
  state_ = State::Over;
  return blame_server(std::move(step).error());
}

Result<LoginStep> ServerLogin::on_prelogin(Bytes rest) {
  const auto prelogin = parse_prelogin(reader_.payload());
  if (!prelogin) return std::unexpected(prelogin.error());
  if (!rest.empty()) return refuse("the server goes on after PRELOGIN");
  if (options_.strict) {
    scope_ = Scope::All;
    return agreed();
  }
  const auto scope =
      scope_of_answer(options_.encryption, prelogin->encryption.value_or(Encryption::NotSupported));
  if (!scope) return std::unexpected(scope.error());
  scope_ = *scope;
  if (scope_ == Scope::Nothing) return agreed();
  state_ = State::Tls;
  LoginStep step;
  step.start_tls = true;
  return step;
}

Result<LoginStep> ServerLogin::tls_ready() {
  if (state_ != State::Tls) return refuse("TLS was not asked for");
  return agreed();
}

LoginStep ServerLogin::agreed() {
  if (login_) return say_login();
  state_ = State::Ready;
  LoginStep step;
  step.ready = true;
  return step;
}

LoginStep ServerLogin::say(const Login7& login, std::uint64_t client_features) {
  CHECK(state_ == State::Ready);
  login_ = login;
  client_features_ = client_features;
  return say_login();
}

LoginStep ServerLogin::say_login() {
  state_ = State::Response;
  const Secret payload = build_login7(*login_);
  login_->password.clear();
  login_->new_password.clear();
  LoginStep step;
  append_message(step.send, PacketType::Login7, payload.reveal(), packet_size_before_login);
  if (scope_ == Scope::Login) {
    step.end_tls = true;
    const std::size_t first = std::min(step.send.size(), packet_size_before_login);
    step.send_after = step.send.substr(first);
    step.send.resize(first);
  }
  return step;
}

Result<LoginStep> ServerLogin::on_response() {
  auto result = parse_login_response(reader_.payload(), login_->version, client_features_);
  if (!result) return std::unexpected(std::move(result).error());
  result_ = std::move(*result);
  result_.facts.spid = reader_.spid();
  if (result_.outcome != Outcome::SspiAsked) state_ = State::Over;
  LoginStep step;
  step.done = true;
  return step;
}

LoginStep ServerLogin::sspi(Bytes client_token) {
  CHECK(state_ == State::Response);
  result_ = {};
  LoginStep step;
  append_message(step.send, PacketType::Sspi, client_token, packet_size_before_login);
  return step;
}

}  // namespace holdfast::tds
