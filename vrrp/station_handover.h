// The planned move of one group from this node to the other, and the reverse: two small machines in one object,
// because a node may still linger from one hand-over while it is given the group back. Owned by the station's
// group; pure. It knows nothing of VRRP: its steps are carried out by the group in their order, at once.
//
//   giver:  Idle ──begin: Prepare──▶ Preparing ──Prepared (ready): GiveUp, Take──▶ Taking ──Taken──▶ Lingering
//             ▲        not ready, 3 s, link lost │        50 ms, link lost: TakeBack │                 │
//             └──────────────────────────────────┴───────────────────────────────────┘  no connection  │
//             ◀──────────────────────────────────────────────── left, or time over: Drop, Gone ────────┘
//
//   taker:  None ──Prepare: PrepareForward──▶ Readying ──forward_ready: Prepared──▶ Ready
//             ▲                 4 s, link lost: EndForward │                          │ Take: Become, Taken
//             └───────────────────────────────────────────┴──── Gone, peer dead ── Forwarding ◀──┘
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/time.h"
#include "vrrp/claim.h"
#include "vrrp/message.h"

namespace holdfast::vrrp {

inline constexpr Duration prepare_patience = 3_s;  ///< the peer runs `nft`: slow on a busy host, and nothing has moved
inline constexpr Duration take_patience = 50_ms;
inline constexpr Duration ready_patience = 4_s;

struct HandoverStep {
  enum class Kind : std::uint8_t {
    Say,  ///< `message` to the peer
    GiveUp,  ///< stop answering for the addresses, keep them, role Lingering
    TakeBack,  ///< become holder again under `epoch`: the peer did not confirm
    Become,  ///< become holder under `epoch`
    Drop,  ///< the lingering is over: take the addresses off
    PrepareForward,  ///< as in StationAction
    EndForward,
    Result,  ///< `ok` and `text` for whoever asked
    Story,  ///< `text`
  };
  Kind kind = Kind::Story;
  Message message = Bye{};
  std::uint64_t epoch = 0;
  bool ok = false;
  std::string text;
};

class Handover {
 public:
  enum class Giver : std::uint8_t { Idle, Preparing, Taking, Lingering };
  enum class Taker : std::uint8_t { None, Readying, Ready, Forwarding };

  Handover(std::string group, Duration linger) : group_(std::move(group)), linger_(linger) {}

  // ---- the giver's side ----
  /// `epoch` is the holder's present one. Nothing happens if a hand-over is under way. `force`: also when the
  /// configurations differ, or connections would be reset.
  void begin(Instant now, std::uint64_t epoch, std::string hash, bool force);
  void on_prepared(Instant now, const Prepared& prepared);
  /// The peer holds under `epoch`: by its Taken, or by a claim that came first.
  void on_peer_holds(Instant now, std::uint64_t epoch);
  void on_connections_left(std::size_t count);
  void linger_from(Instant now);  ///< another process of this node had handed over: go on from there
  void cancel(Instant now,
              const std::string& why);  ///< Preparing ends; a Take that was said is not taken back

  // ---- the taker's side ----
  struct Own {
    bool holder = false;
    Fitness fitness = Fitness::Unfit;
    std::uint64_t epoch = 0;  ///< the greatest known
    std::string hash;
  };
  void on_prepare(Instant now, const Prepare& prepare, const Own& own);
  void on_forward_ready(Instant now, bool ok, std::string why);
  void on_take(const Take& take, const Own& own);
  void on_gone();
  void forward_from();  ///< another process of this node had become holder this way

  // ---- both ----
  /// The peer can not be reached any more; `dead`: and serves nothing either.
  void on_link_lost(bool dead);
  void on_holder();  ///< this node holds again, by whatever way: it does not linger
  void on_backup();  ///< it holds no more: unknown flows do not come here any more
  void on_timer(Instant now);
  Instant deadline() const;
  std::vector<HandoverStep> take_steps();

  Giver giver() const { return giver_; }
  Taker taker() const { return taker_; }
  /// A decision of the two nodes is under way: no other verdict now.
  bool deciding() const { return giver_ == Giver::Preparing || giver_ == Giver::Taking; }
  std::uint64_t offered() const { return offered_; }  ///< the epoch of the last Prepare
  void set_linger(Duration linger) { linger_ = linger; }

 private:
  HandoverStep& step(HandoverStep::Kind kind);
  void say(Message message);
  void result(bool ok, std::string text);
  void refuse(std::string why);
  void end_forward();
  void take_back(const std::string& why);

  std::string group_;
  Duration linger_;
  Giver giver_ = Giver::Idle;
  Taker taker_ = Taker::None;
  Instant giver_until_ = Instant::never(), taker_until_ = Instant::never();
  std::uint64_t epoch_ = 0;  ///< the giver's: under which the peer is to hold
  std::uint64_t offered_ = 0;  ///< the taker's: under which it was asked to get ready
  bool force_ = false;
  std::vector<HandoverStep> steps_;
};

}  // namespace holdfast::vrrp
