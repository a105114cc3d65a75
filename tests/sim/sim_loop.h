// A whole network in one thread, behind the seam of proxy/io/io.h: a virtual clock, one seeded source
// of chance, one queue of events ordered by time and then by birth. The same seed gives the same run,
// to the byte. A test makes a SimWorld, takes one loop for each simulated process from it, and runs
// the world; it owns loops and streams as the real program does, and the world outlives them all.
// Loops keep the contract of io.h; spawn() is an error and signals never come.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/io/io.h"

namespace holdfast::sim {

/// splitmix64: small, seedable, the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t n) { return n ? next() % n : 0; }
  bool chance(double p) { return p > 0 && static_cast<double>(next() >> 11) < p * 0x1p53; }
  Duration between(Duration least, Duration most);

 private:
  std::uint64_t state_;
};

/// What goes wrong, as probabilities from 0 to 1. May be changed while the world runs.
struct SimFaults {
  double one_byte_reads = 0;  ///< a read yields a single byte
  double short_reads = 0;     ///< a read yields a random part of what is there
  double short_writes = 0;    ///< the kernel takes a random part, perhaps nothing
  double stalls = 0;          ///< a segment takes up to stall_max longer
  Duration stall_max = Duration::seconds(1);
  double resets = 0;          ///< a connection is reset at a random byte of its first reset_within
  std::uint64_t reset_within = 64 * 1024;
  double refused = 0;         ///< a connect is refused
  double late_timers = 0;     ///< a timer is up to late_max late
  Duration late_max = Duration::millis(50);
  Duration latency_min = Duration::micros(50);
  Duration latency_max = Duration::micros(500);
  std::size_t send_buffer = 64 * 1024;     ///< bytes
  std::size_t receive_buffer = 64 * 1024;  ///< bytes

  /// Everything at once, at rates under which a transfer still ends; resets and refusals stay off.
  static SimFaults rough();
};

class SimLoop;
class SimStream;
class SimListener;
class SimHandle;
struct Wire;

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed);
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;
  ~SimWorld();

  /// A new process on a new host, or on a host that exists (also after kill: that is a restart).
  std::unique_ptr<io::Loop> make_loop(int host = -1);
  static int host_of(const io::Loop& loop);
  /// 10.0.x.y of that host. Loops may listen on any address, on port 0 too.
  static Address address_of(int host, std::uint16_t port);

  Instant now() const { return now_; }
  bool step();                    ///< the next event; false if there is none
  void run_until(Instant end);    ///< the clock stands at `end` afterwards
  void run_for(Duration time) { run_until(now_ + time); }
  bool run_until(const std::function<bool()>& predicate, Duration at_most);
  bool run_until_idle(Duration at_most);  ///< true if no event is left

  /// The processes of the host die as by SIGKILL: their sockets close, nothing is called any more. A
  /// lost host is partition() from everybody, then kill(): nobody hears of it.
  void kill(int host);
  /// As SIGSTOP for so long: its kernel goes on taking connections and bytes.
  void freeze(int host, Duration time);
  void partition(int one, int other);  ///< nothing passes until heal()
  void heal();

  SimFaults faults;
  Random random;
  std::size_t open_wires() const { return wires_.size(); }  ///< connections either end still knows
  /// What a world at rest should not have: open handles and wires. Empty, or one line to print.
  std::string leftovers() const;

 private:
  friend class SimLoop;
  friend class SimStream;
  friend class SimTimer;
  friend class SimListener;
  friend class SimHandle;
  friend struct Wire;

  struct Event {
    std::uint64_t loop;  ///< 0: the network's own
    io::Task task;
  };

  void push(Instant at, std::uint64_t loop, io::Task task);
  Instant soon();  ///< now and one latency
  bool parted(int one, int other) const { return parted_.contains(std::minmax(one, other)); }
  void forget(SimLoop& loop);
  void syn(std::uint64_t stream, std::string to, int tries);
  void move(std::uint64_t wire, int side);
  void start_moving(Wire& wire, int side);
  void deliver_reset(std::uint64_t wire);
  void reset(Wire& wire);
  void close_end(Wire& wire, int side, bool abort);
  void reap(Wire& wire);
  SimHandle* handle(std::uint64_t id) const;
  SimListener* pick_listener(const std::string& key);

  Instant now_ = Instant{1'000'000'000};
  std::uint64_t last_id_ = 0;  ///< of events, handles, wires and loops alike
  std::uint16_t last_port_ = 30000;
  int last_host_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Event> events_;
  std::map<std::uint64_t, SimLoop*> loops_;
  std::map<std::uint64_t, SimHandle*> handles_;
  std::map<std::uint64_t, std::unique_ptr<Wire>> wires_;
  std::multimap<std::string, SimListener*> listeners_;
  std::map<int, Instant> frozen_until_;
  std::set<std::pair<int, int>> parted_;
  std::vector<io::Task> when_healed_;
};

/// Runs f(seed) for seeds 1 to n, or only for $SIM_SEED. $SIM_SEEDS, 200 if not set, makes n larger or smaller in
/// proportion, rounded up, as it does in the other simulations. When f throws, as a failed REQUIRE does, the seed is
/// printed as SIM_SEED=<n>, which replays it; so use REQUIRE inside, not CHECK.
void for_each_seed(int n, const std::function<void(std::uint64_t seed)>& f);

}  // namespace holdfast::sim
