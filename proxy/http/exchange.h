// One request and its response: what may be tried again, when, and when to stop. This is the replay
// ladder as a pure machine: no bytes, no sockets, no clock. The driver tells it facts and does what it says.
//
//            choose                 sent                head                   flush
//   begin ──▶ Waiting ──attempt──▶ Trying ──request──▶ Trying ──response──▶ Holding ──▶ Relaying ──▶ Done
//               ▲  ▲                 │ failed             │ failed             │ failed     │ failed
//               │  └──── rung 1 ─────┘                    │                    │            │
//               └─────── rung 2, 3 (may it be repeated?) ─┴────────────────────┘            │
//               └─────── rung 5 (resume: by range, or by compared prefix) ──────────────────┘
//
// RFC 9110 section 9.2.2 is the law: what was sent is repeated only if its method is idempotent, or if the
// operator said for this route that a key, or anything, makes it so.
#pragma once

#include <cstdint>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/base/time.h"
#include "proxy/http/message.h"

namespace holdfast::http {

/// How an attempt ended short of a whole response.
enum class Failure : std::uint8_t {
  Refused,
  Unreachable,
  ConnectTimeout,
  Tls,  // before a request byte could leave
  Closed,           ///< a pooled connection turned out to be closed
  Reset,            ///< died under the request, or in the middle of the response
  ResponseTimeout,
  IdleTimeout,
  BadResponse,      ///< refused by the strict parser, or not what was asked for when resuming
  GoingAway,        ///< 502, 503 or 504, withheld
  TakenBack,        ///< the election gave the instance up
  Resources,        ///< we ran out of descriptors or memory
};
std::string_view name_of(Failure failure);

class Exchange {
 public:
  enum class State : std::uint8_t { Idle, Waiting, Trying, Holding, Relaying };

  /// What to do after a failed attempt.
  enum class Next : std::uint8_t {
    Try,      ///< again, when there is an instance; not before retry_at()
    Resume,   ///< again, asking for what the client has not got yet
    Answer,   ///< give up with Verdict::status
    Cut,      ///< the client has half a response: end it visibly
  };
  struct Verdict {
    Next next = Next::Answer;
    unsigned status = 502;
  };

  /// What has become of the request so far, as the driver knows it.
  struct Facts {
    bool sent = false;         ///< a request byte of this attempt has been handed to the kernel
    bool retained = true;      ///< the body, as far as received, can be sent again from its start
    bool resumable = true;     ///< the response, as far as forwarded, can be taken up by another answer
    bool same_instance = true; ///< a next attempt would go to the instance that just failed
    Duration verdict{};        ///< how long the check of a withheld answer may take; zero: none is made
  };

  enum class Expired : std::uint8_t { None, Retry, Connect, Response, ServerIdle, Body, Shield, Deadline };

  void begin(const conf::Route& route, const conf::ServiceTimeouts& timeouts, Method method, bool keyed,
             bool body_follows, Instant now);
  void expect_continue() { expects_ = true; }  ///< the client waits for the instance's word
  void on_continue(Instant now);           ///< the client has been told to go on
  void on_request_body(Instant now);       ///< some of the body arrived
  void on_request_complete(Instant now);
  void on_body_paused(Instant now);        ///< we stopped reading the client ourselves

  void on_attempt(Instant now, bool pooled);  ///< an instance was chosen; pooled: already connected
  void on_connected(Instant now);
  void on_request_sent(Instant now);          ///< some of it; restarts the wait for a response
  void on_response_head(Instant now, bool hold, bool length_known);
  void on_response_bytes(Instant now) { server_idle_at_ = now + timeouts_.idle; }
  void on_client_blocked() {
    server_idle_at_ = Instant::never();
  }  ///< the client does not read: not the server's fault
  void on_response_forwarded();               ///< held or not, the client now has a byte of it
  void on_suspect(Instant now);               ///< the instance was given up; this is not repeated
  void on_park(Instant now);                  ///< nothing to try: wait for the election
  void end() { state_ = State::Idle, attempts_ = 0, forwarded_ = false; }

  Verdict on_failure(Failure failure, const Facts& facts, Instant now);

  /// May an attempt be taken back and repeated elsewhere? (an election, or a withheld answer)
  bool may_repeat(bool sent, bool retained) const;

  State state() const { return state_; }
  unsigned attempts() const { return attempts_; }
  bool forwarded() const { return forwarded_; }
  Instant retry_at() const { return retry_at_; }
  Instant deadline() const;                   ///< when on_timer is due next
  Expired on_timer(Instant now) const;        ///< what is due now

 private:
  bool idempotent_enough() const;
  void wait_for_response(Instant now);

  const conf::Route* route_ = nullptr;
  conf::ServiceTimeouts timeouts_;
  State state_ = State::Idle;
  Method method_ = Method::Get;
  bool keyed_ = false;
  bool request_complete_ = false;
  bool expects_ = false;         ///< 100-continue, and nothing has come of it yet
  bool forwarded_ = false;
  unsigned attempts_ = 0;        ///< begun
  unsigned attempts_sent_ = 0;   ///< of which the instance may have seen something
  unsigned unsent_in_row_ = 0;
  Instant deadline_at_ = Instant::never();
  Instant retry_at_{};
  Instant connect_at_ = Instant::never();
  Instant response_at_ = Instant::never();
  Instant server_idle_at_ = Instant::never();
  Instant body_at_ = Instant::never();
  Instant shield_at_ = Instant::never();
};

}  // namespace holdfast::http
