// Both logins of an aware session as pure machines: ClientLogin plays the server towards the client, ServerLogin the client towards
// a SQL node. They see plain bytes; where TLS begins and ends they say so, and the driver's channel does it.
//
//   ClientLogin:  Prelogin ──▶ (Tls) ──▶ Login ──▶ Waiting for the server's word ──▶ Done
//   ServerLogin:  Prelogin ──▶ (Tls) ──▶ Login ──▶ (Sspi)* ──▶ Done | Refused | Routed
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

/// What the driver must do after a call, in this order: send `bytes` (in clear, or through TLS if it is on), then the rest.
struct LoginStep {
  std::string send;
  bool start_tls = false;    ///< handshake inside PRELOGIN packets (2.2.6.5), then plain records
  bool end_tls = false;      ///< from here on in clear again (login-only encryption)
  bool done = false;         ///< ClientLogin: login() is there. ServerLogin: see result()
};

class ClientLogin {
 public:
  struct Options {
    Encryption encryption = Encryption::NotSupported;  ///< what this listener is set to
    bool strict = false;                 ///< TLS was there from the first byte (TDS 8.0): PRELOGIN's ENCRYPTION is not looked at
    std::uint32_t server_version = 0x10000000;  ///< shown in PRELOGIN: major, minor, build
    std::uint16_t sub_build = 0;
  };
  explicit ClientLogin(const Options& options) : options_(options), reader_(login7_max) {}

  /// Takes from the front of `in`. With login-only encryption it takes exactly the first packet of LOGIN7 in TLS, then says end_tls.
  Result<LoginStep> feed(Bytes& in);
  const Login7& login() const { return login_; }
  Login7& login() { return login_; }
  const Prelogin& prelogin() const { return prelogin_; }
  Scope scope() const { return scope_; }

 private:
  enum class State : std::uint8_t { Prelogin, Login, Done };
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
    std::string instance;                ///< INSTOPT; empty: a zero byte
  };
  enum class Outcome : std::uint8_t { Pending, Accepted, Refused, Routed, SspiAsked };
  struct Result_ {
    Outcome outcome = Outcome::Pending;
    LoginFacts facts;
    std::string answer;                  ///< the response's payload, fit for a client: no ENVCHANGE 13, 20, 21; no feature it did not ask for
    std::uint32_t error = 0;             ///< Refused: the first ERROR's number, ...
    std::string error_text;              ///< ... UTF-8, for the log
    std::string routed_host;             ///< Routed (ENVCHANGE 20): UTF-8
    std::uint16_t routed_port = 0;
  };

  /// `login` as it is to be sent; `client_features`: what the client asked for, the rest of the acknowledgement is taken out.
  ServerLogin(const Options& options, const Login7& login, std::uint64_t client_features);

  LoginStep start();                     ///< PRELOGIN
  Result<LoginStep> feed(Bytes& in);
  Result<LoginStep> tls_ready();         ///< the handshake is done
  LoginStep sspi(Bytes client_token);    ///< the client's next token
  const Result_& result() const { return result_; }

 private:
  struct Response;
  Options options_;
  Login7 login_;
  std::uint64_t client_features_;
  MessageReader reader_;
  Result_ result_;
  Scope scope_ = Scope::Nothing;
  std::uint8_t state_ = 0;
};

/// Errors of a login that tell of a failover: absorbed, and tried again where the primary is (976, 978, 979, 983, 921, 922, 18401, ...).
bool is_failover_error(std::uint32_t number);

}  // namespace holdfast::tds
