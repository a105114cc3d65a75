// Both logins of an aware session as pure machines: ClientLogin plays the server towards the client,
// ServerLogin the client towards a SQL node. They see plain bytes; where TLS begins and ends they say so, and
// the driver's channel does it. The driver owns both and the sockets. ServerLogin forgets the passwords once it has
// written them; those of ClientLogin::login() are its caller's to keep or to clear.
//
//   ClientLogin:  Prelogin ──▶ (TLS) ──▶ Login ──▶ Done, from where on it reads the client's SSPI tokens
//   ServerLogin:  Prelogin ──▶ (TLS) ──▶ (Ready) ──▶ Login ──▶ (SSPI)* ──▶ Accepted | Refused | Routed
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/result.h"
#include "tds/conversation.h"
#include "tds/login7.h"
#include "tds/packet.h"
#include "tds/prelogin.h"

namespace holdfast::tds {

/// What the driver must do after a call, in the order of the members. `send` and `send_after` may hold a
/// password: wipe() them once they are written.
struct LoginStep {
  std::string send;  ///< in clear, or through TLS if it is on
  bool start_tls = false;  ///< handshake inside PRELOGIN packets (2.2.6.5), then plain records
  bool end_tls = false;  ///< from here on in clear again (login-only encryption)
  std::string send_after;  ///< in clear, after end_tls: what 3.2.5.3 does not encrypt
  std::string refused;  ///< not empty: why. The connection is to be ended once all is sent
  bool ready = false;  ///< ServerLogin without a login: it waits for say()
  bool done = false;  ///< ClientLogin: login() is there, once. ServerLogin: see result()
  std::optional<std::string>
      sspi;  ///< ClientLogin, after done: the client's next token, for ServerLogin::sspi
};

inline constexpr std::size_t sspi_max = 64 * 1024;  ///< bytes of a client's token
inline constexpr std::size_t login_response_max = 64 * 1024;  ///< bytes of a server's answer to LOGIN7

class ClientLogin {
 public:
  struct Options {
    Encryption encryption = Encryption::NotSupported;  ///< what this listener is set to
    bool strict =
        false;  ///< TLS was there from the first byte (TDS 8.0): PRELOGIN's ENCRYPTION is not looked at
    std::uint32_t server_version = 0x10000000;  ///< shown in PRELOGIN: major, minor, build
    std::uint16_t sub_build = 0;
  };
  explicit ClientLogin(const Options& options);

  /// Takes from the front of `in`; anything left after a step without an error is the driver's to hand in
  /// again. With login-only encryption it takes exactly the first packet of LOGIN7 from TLS, then says
  /// end_tls; a client that has more in TLS, or that speaks before a handshake it was told of, is an error.
  Result<LoginStep> feed(Bytes& in);
  const Login7& login() const { return login_; }
  Login7& login() { return login_; }
  const Prelogin& prelogin() const { return prelogin_; }
  Scope scope() const { return scope_; }

 private:
  enum class State : std::uint8_t { Prelogin, Login, LoginInClear, Done, Over };
  Result<bool> gather(Bytes& in);
  Status on_prelogin(Bytes rest, LoginStep& step);
  Status on_login(LoginStep& step);
  Status on_message(Bytes rest, LoginStep& step);

  Options options_;
  MessageReader reader_;
  State state_ = State::Prelogin;
  Prelogin prelogin_;
  Login7 login_;
  Scope scope_ = Scope::Nothing;
};

class ServerLogin {
 public:
  struct Options {
    Encryption encryption = Encryption::Off;
    bool strict = false;
    std::string instance;  ///< INSTOPT; empty: a zero byte
    std::uint32_t version = 0;  ///< of the client's program, for PRELOGIN
  };
  enum class Outcome : std::uint8_t { Pending, Accepted, Refused, Routed, SspiAsked };
  struct Result_ {
    Outcome outcome = Outcome::Pending;
    LoginFacts facts;
    std::string answer;  ///< the response's payload, fit for a client: no ENVCHANGE 13, 20, 21; no feature it
        ///< did not ask for
    std::uint32_t error = 0;  ///< Refused: the first ERROR's number, ...
    std::string error_text;  ///< ... UTF-8, for the log
    std::string routed_host;  ///< Routed (ENVCHANGE 20): UTF-8
    std::uint16_t routed_port = 0;
  };

  /// `login` as it is to be sent; `client_features`: what the client asked for (bit i: feature i), the rest
  /// of the acknowledgement is taken out.
  ServerLogin(const Options& options, const Login7& login, std::uint64_t client_features);
  /// Goes as far as can be gone for whomever: to Ready.
  explicit ServerLogin(const Options& options);

  LoginStep start();  ///< PRELOGIN
  /// Takes from the front of `in`. After `done` it is over, but for SspiAsked.
  Result<LoginStep> feed(Bytes& in);
  Result<LoginStep> tls_ready();  ///< the handshake is done
  LoginStep say(const Login7& login, std::uint64_t client_features);  ///< from Ready
  LoginStep sspi(Bytes client_token);  ///< the client's next token
  const Result_& result() const { return result_; }
  Scope scope() const { return scope_; }

 private:
  enum class State : std::uint8_t { Idle, Prelogin, Tls, Ready, Response, Over };
  Result<LoginStep> on_prelogin(Bytes rest);
  Result<LoginStep> on_response();
  LoginStep agreed();
  LoginStep say_login();

  Options options_;
  std::optional<Login7> login_;
  std::uint64_t client_features_ = 0;
  MessageReader reader_;
  Result_ result_;
  Scope scope_ = Scope::Nothing;
  State state_ = State::Idle;
};

/// The features that a login asks for, as a set: bit i is feature i. Those over 63 are not in it.
std::uint64_t feature_set(const Login7& login);

/// The payload of a response that refuses a login in our own words: ERROR of class 14, and DONE.
std::string login_refusal(std::uint32_t version, std::uint32_t number, std::string_view utf8);
inline constexpr std::uint32_t error_login_failed = 18456;

/// Reads the response to a LOGIN7 of `version`. A token that has no place there is an error.
Result<ServerLogin::Result_> parse_login_response(Bytes payload, std::uint32_t version,
                                                  std::uint64_t client_features);

/// Errors that tell of a failover: absorbed in a login, and tried again where the primary is (976, 978,
/// 979, 983, 921, 922, 18401, ...).
bool is_failover_error(std::uint32_t number);

}  // namespace holdfast::tds
