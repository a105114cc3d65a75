// One node's virtual IP on its own thread: the Station decides, this object gives it the world. Each input asks
// first whether this process has been asleep, then tells the station, then carries out what the station wants, in
// its order. Everything here belongs to the VIP thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "vrrp/driver.h"
#include "vrrp/driver_channel.h"
#include "vrrp/driver_connections.h"
#include "vrrp/driver_errands.h"
#include "vrrp/driver_gate.h"
#include "vrrp/driver_host.h"
#include "vrrp/driver_second_chance.h"
#include "vrrp/driver_wire.h"
#include "vrrp/plan.h"
#include "vrrp/station.h"

namespace holdfast::vrrp {

class Node final : ChannelEvents, HostEvents, WireEvents, io::TimerEvents {
 public:
  struct Setup {
    conf::SnapshotPtr snapshot;
    std::vector<WatchedLoop> loops;
    std::string handed, version;
    /// Carries a call to the control loop.
    std::function<void(std::move_only_function<void(VipEvents&)>)> tell;
  };

  Node(io::Loop& loop, Setup setup);
  ~Node();

  Status start();
  void set_privileges(bool real_time, bool memory_locked);  ///< as far as the host allowed them
  Status reload(conf::SnapshotPtr snapshot);
  void set_fitness(const std::string& group, Fitness fitness, std::string why);
  void set_services(std::vector<ActiveInstance> services);
  void set_witness(int verdict);
  void handover(const std::string& group, bool force);
  void send_to_peer(const Message& message);
  std::string abdicate();
  void stop();
  void finish();

 private:
  /// What the control loop says of a group; the liveness of the data loops comes on top.
  struct Served {
    Fitness fitness = Fitness::Degraded;
    std::string why = "the services were not looked at yet";
  };

  // ChannelEvents
  void on_out_up() override;
  void on_out_end(ChannelEnd end) override;
  void on_in_up() override;
  void on_in_data(Bytes bytes) override;
  void on_in_end(ChannelEnd end) override;
  void on_channel_story(std::string text) override;
  // HostEvents, WireEvents
  void on_wake() override { (void)enter(); }
  void on_carrier(bool up) override;
  void on_gateway() override;
  void on_advert(const ReceivedAdvert& advert) override;
  void on_heartbeat(Bytes bytes) override;
  // io::TimerEvents: the station's deadline, announcements and the tick
  void on_timer() override;

  Instant enter();
  /// One input: whether this process was asleep, what the station says to it, what it wants done.
  template <class Tell>
  void input(Tell tell) {
    const Instant now = enter();
    tell(now);
    settle(now);
  }
  void settle(Instant now);
  void carry_out(Instant now, const StationAction& action);
  void carry_out_addresses(Instant now, const StationAction& action);
  void tick(Instant now);
  void judge_fitness(Instant now);
  void count_lingering(Instant now);
  void forward(const std::string& group, bool wanted);
  void publish(Instant now);
  void tell_story(std::string kind, std::string subject, std::string text);
  void counted(const std::map<std::string, std::size_t>& counts);
  std::vector<Address> addresses_of(const std::string& group) const;
  Address peer_on_link(Address::Family family) const;
  void check_stopped();

  io::Loop& loop_;
  Setup setup_;
  NodePlan plan_;
  HostInterface interface_;
  Host host_;
  Wire wire_;
  Channel channel_;
  LoopGate gate_;
  std::unique_ptr<Station> station_;
  io::TimerPtr timer_;
  std::map<std::string, Served> served_;
  std::map<std::string, std::size_t> lingering_;  ///< connections by group, while it lingers
  std::map<std::string, bool> forwarding_;  ///< groups whose strange packets go back to the other node
  Duration tick_every_ = 20_ms;
  Instant tick_at_, gate_at_, publish_at_, count_at_;
  bool real_time_ = false, memory_locked_ = false;
  std::int64_t awake_ns_ = 0;  ///< CLOCK_BOOTTIME of the last input
  bool stopping_ = false, stopped_told_ = false, counting_ = false, abdicated_ = false;
  SecondChance second_chance_;
  Errands errands_;  ///< last: nothing of it calls back into what is gone
};

}  // namespace holdfast::vrrp
