// Is it the other node that is gone, or this one that is cut off? A small pure machine that asks the gateway:
// each second so that one knows whether it answers at all, and often while the peer is under suspicion. Owned
// by the station; the driver sends the probes and tells of answers.
#pragma once

#include "proxy/base/time.h"
#include "vrrp/peer.h"

namespace holdfast::vrrp {

class GatewayWatch {
 public:
  /// `every` is the heartbeat's interval.
  GatewayWatch(bool configured, Duration every, Instant now);

  void configure(bool configured, Duration every);
  void answered(Instant now);
  /// What is known of the peer now; null when there is none. True: ask the gateway now.
  bool update(Instant now, const Peer* peer);
  /// After a pause of this process: what was heard before it proves nothing.
  void on_resumed(Instant now);

  bool known() const { return configured_ && known_; }
  /// It answered after the suspicion of the peer arose,
  /// and, if this node was cut off before, the peer has had time to be heard again as well.
  bool fresh(Instant now) const {
    return suspected_ != Instant::never() && heard_ && answer_ >= suspected_ && now >= trusted_;
  }
  /// The peer is silent, and the gateway, which answered once, has been for `timeout`, too.
  bool cut_off() const { return cut_off_; }
  Instant deadline() const;

 private:
  Duration pace(Instant now) const;
  Instant isolated_at() const;

  bool configured_;
  Duration every_;
  bool known_ = false, heard_ = false, cut_off_ = false, silent_ = false;
  Instant answer_;
  Instant trusted_{};  ///< since when, or from when, its answers count
  Instant suspected_ = Instant::never();  ///< since when the peer has been suspect; never: it is not
  Instant suspect_at_ = Instant::never();  ///< the peer's, as of the last update
  Instant next_ask_, updated_;
  Duration timeout_{};
};

}  // namespace holdfast::vrrp
