// A configuration push: one checked file, two nodes, and both switch or neither does.
//
//   this node: check ─ Offer ─▶ other node: check ─ Reply ─▶ Commit ─▶ switch ─ Done ─▶ this node: switch
//
// If the last step fails here, or an answer does not come, Cancel puts the other node back. What no protocol
// between two can exclude is that the Cancel is lost as well: then the nodes differ, and drift shows it. On the
// control loop; part of VipSide.
#pragma once

#include <functional>
#include <string>

#include "proxy/admin.h"
#include "proxy/base/result.h"
#include "proxy/base/time.h"
#include "proxy/events.h"
#include "vrrp/message.h"

namespace holdfast {

/// What a pushed configuration does to this process; the running process is behind it.
class PushTarget {
 public:
  virtual const std::string& current_text() const = 0;
  /// Checks a text as a reload would; nothing changes. The error is for the operator at the other node.
  virtual Status check_text(const std::string& text) = 0;
  /// Puts it in the file's place and reloads; on error the file and the process are as they were.
  virtual Status take_text(const std::string& text) = 0;

 protected:
  ~PushTarget() = default;
};

class PushSide {
 public:
  static constexpr Duration patience = 5_s;
  using Send = std::function<void(vrrp::Message)>;

  PushSide(Events& events, PushTarget& target, Send send)
      : events_(events), target_(target), send_(std::move(send)) {}

  /// `done` is called once, perhaps at once. One push at a time.
  void begin(Instant now, std::uint64_t id, const std::string& text, Later done);
  void on_message(Instant now, const vrrp::Message& message);
  void on_timer(Instant now);
  Instant deadline() const { return own_.until; }

 private:
  struct Push {
    std::uint64_t id = 0;
    std::string text;
    Later done;
    Instant until = Instant::never();
    bool committed = false;
  };

  void on(Instant now, const vrrp::PushOffer& offer);
  void on(Instant now, const vrrp::PushReply& reply);
  void on(Instant now, const vrrp::PushCommit& commit);
  void on(Instant now, const vrrp::PushDone& done);
  void on(Instant now, const vrrp::PushCancel& cancel);
  void end(Result<std::string> result);

  Events& events_;
  PushTarget& target_;
  Send send_;
  Push own_;  ///< that this node began; no `done`: none
  Push offered_;  ///< that the other node began
  std::string before_;  ///< the text that taking offered_ replaced
};

}  // namespace holdfast
