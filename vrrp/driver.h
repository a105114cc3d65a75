// The virtual IP in production: one real-time thread with a loop of its own, its sockets, and the Station that
// decides. The control loop owns this object and makes every call; results come back on the control loop. Nothing
// of the data path runs here, and no data loop can hold it up; it watches their liveness and judges by it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/result.h"
#include "proxy/io/io.h"
#include "vrrp/station.h"

namespace holdfast::vrrp {

/// One loop whose liveness counts. `turns` may be read from any thread; `loop` only gets an empty task posted, to
/// make an idle loop turn.
struct WatchedLoop {
  std::string name;
  io::Loop* loop = nullptr;
  std::function<std::uint64_t()> turns;
  std::string thread = {};  ///< its name; empty: all time counts
};

/// What the virtual IP looks like from outside its thread: for status, metrics and decisions of the control loop.
struct VipReport {
  bool running = false;
  bool real_time = false, memory_locked = false;
  bool paired = false;
  Link link = Link::Absent;
  Duration link_for{};
  Duration timeout{};  ///< the detector's, now
  std::string peer_name, peer_program, peer_hash;
  std::uint64_t peer_generation = 0;
  bool drift = false;  ///< both sides known, and their configurations differ
  PeerCounters counters;
  struct Group : GroupReport {
    std::string interface;
    std::vector<std::string> addresses;
    Duration for_{};  ///< how long in this role
    std::size_t lingering = 0;  ///< connections that live on after a hand-over
    std::uint64_t announcements = 0, questions_answered = 0;
  };
  std::vector<Group> groups;
};

/// Called on the control loop.
class VipEvents {
 public:
  virtual void on_vip_role(const std::string& group, Role role, std::uint64_t epoch,
                           const std::string& because) = 0;
  virtual void on_vip_story(const std::string& kind, const std::string& subject, const std::string& text) = 0;
  /// The other node holds; these are the active instances that it chose.
  virtual void on_vip_follow(const std::vector<ActiveInstance>& services) = 0;
  virtual void on_vip_report(const VipReport& report) = 0;
  virtual void on_vip_push(const Message& message) = 0;
  virtual void on_vip_handover(const std::string& group, bool ok, const std::string& text) = 0;
  /// The thread has ended what it had to end: the process may go.
  virtual void on_vip_stopped() = 0;

 protected:
  ~VipEvents() = default;
};

class VipDriver {
 public:
  VipDriver(io::Loop& control, VipEvents& events, std::string program_version);
  ~VipDriver();

  /// Opens sockets, cleans what a crash left, starts the thread. `handed` is abdicate()'s of the last process, or
  /// empty.
  Status start(conf::SnapshotPtr snapshot, std::vector<WatchedLoop> loops, std::string handed);
  /// Checks and opens what is new before anything changes; on error nothing changed.
  Status reload(conf::SnapshotPtr snapshot);
  void set_fitness(std::string group, Fitness fitness, std::string why);
  void set_services(std::vector<ActiveInstance> services);
  void set_witness(int verdict);  ///< see Evidence::witness
  void handover(std::string group, bool force);
  void send_to_peer(Message message);
  /// For a binary upgrade: the thread ends without touching an address; the result is for the new process.
  std::string abdicate();
  /// Planned end: hands over what is held, or gives it up. on_vip_stopped follows, once nothing lives on here.
  void stop();
  void finish();  ///< after stop(): connections that still live on are given up now
  bool running() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::vrrp
