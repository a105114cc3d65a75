// The way into one SQL server, from a connected stream to its answer to LOGIN7: PRELOGIN, TLS where both agree
// on it, the login. It may be gone up to the login for nobody yet: that is a spare (driver_spares.h). Part of
// one session or spare, which hears of it through Events; each of those calls is the last thing that the entry
// does, so that it may be destroyed in them.
//
//   begin() ──▶ on_ready (only without a login) ── say() ──▶ on_answer        every state ──▶ on_entry_failed
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/io/io.h"
#include "proxy/io/tls.h"
#include "proxy/service_view.h"
#include "tds/driver_channel.h"
#include "tds/login.h"

namespace holdfast::tds {

class ServerEntry final : private io::StreamEvents {
 public:
  class Events {
   public:
    /// Nothing but LOGIN7 is left to say.
    virtual void on_ready() {}
    /// See login().result(). `rest`: bytes that came behind the answer, as they came.
    virtual void on_answer(Bytes rest) = 0;
    /// `reason` may be of the entry.
    virtual void on_entry_failed(std::optional<Evidence> evidence, std::string_view reason) = 0;

   protected:
    ~Events() = default;
  };

  /// `tls` null: no TLS can be had.
  ServerEntry(io::Loop& loop, conf::TdsEncrypt encrypt, const io::TlsContext* tls, Events& events)
      : loop_(loop), encrypt_(encrypt), tls_(tls), events_(&events) {}

  void begin(io::StreamPtr stream, const Login7& login, std::uint64_t client_features);
  /// Up to the login.
  void begin(io::StreamPtr stream);
  /// Hands it over, when it is ready.
  void set_events(Events& events) { events_ = &events; }
  void say(const Login7& login, std::uint64_t client_features);
  void sspi(Bytes client_token);

  const ServerLogin& login() const { return *login_; }
  conf::TdsEncrypt encrypt() const { return encrypt_; }
  /// Accepted: the stream from here on, with TLS around it where that goes on. `rest`: of on_answer; what of it
  /// is to be read as plain bytes is left there.
  io::StreamPtr leave(io::StreamEvents& events, std::string& rest);

 private:
  void on_connected() override { greet(); }  // the handshake of TDS 8.0 is done
  void on_data(Bytes raw) override;
  void on_end() override { fail(Evidence::Reset, "the server ended the connection"); }
  void on_fault(io::Fault fault, std::string_view detail) override;
  void open(io::StreamPtr stream);
  void greet();
  bool apply(Result<LoginStep> step);
  void fail(std::optional<Evidence> evidence, std::string_view reason) {
    events_->on_entry_failed(evidence, reason);
  }

  io::Loop& loop_;
  const conf::TdsEncrypt encrypt_;
  const io::TlsContext* tls_;
  Events* events_;
  io::StreamPtr stream_;
  std::optional<Channel> channel_;
  std::optional<ServerLogin> login_;
};

}  // namespace holdfast::tds
