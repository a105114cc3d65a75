// A simulated pair behind a virtual IP: whole Stations (and, in some runs, a plain VRRP Machine as a foreign
// router) on one virtual clock, with one seed. The world carries out what they want: datagrams that are lost,
// doubled, late and out of order, channels that are ordered until they break, a gateway, a client's ARP
// table. It breaks things on purpose and watches the invariants after every single input (check.cpp says
// which). The first one broken ends the run; the trail of events is what a failing seed prints.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "vrrp/station.h"

namespace holdfast::vrrp::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  bool chance(double p) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < p; }
  Duration between(Duration least, Duration most);

 private:
  std::uint64_t state_;
};

/// What differs from seed to seed.
struct Setting {
  Duration heartbeat = 50_ms, advertise = 1_s;
  double loss = 0, doubled = 0;
  Duration delay_max = 3_ms;
  bool paired = true, gateway = true, preempt = false, drift = false;
  unsigned priority[3] = {150, 100, 50};
  std::string prefer;
  bool foreign = false;  ///< a third, plain router
  Duration floor() const { return heartbeat * 3; }
  Duration ceiling() const { return heartbeat * 8; }
  std::string text() const;
  static Setting random(Random& random);
};

/// Kinds of traffic that can be cut, by direction. Main is the network of the addresses, Side another one.
enum class Path : std::uint8_t { Vrrp, MainBeat, SideBeat, Channel };
inline constexpr std::size_t paths = 4;

struct Node {
  int id = 0;
  std::string name;
  Address address;
  std::unique_ptr<Station> station;  ///< null: no process, or the foreign router
  std::unique_ptr<Machine> machine;  ///< of the foreign router
  std::uint64_t process = 0;  ///< counts processes; events of an older one are void
  std::uint64_t boot = 0;
  bool host_up = true, frozen = false, carrier = true;
  Instant frozen_at, thawed_at;  ///< the latter also of its carrier: it listens then, too
  std::deque<std::function<void()>> waiting;  ///< inputs that came while it was frozen
  std::size_t waiting_datagrams = 0;
  std::int64_t clock_us = 0;  ///< its wall clock, minus the world's
  std::uint64_t timer = 0;  ///< the valid timer event
  Instant timer_at = Instant::never();
  int idle_timers = 0;  ///< timers in a row at one instant
  std::uint64_t out = 0, in = 0;  ///< connections
  // what the driver would have done
  bool answering = false, has_addresses = false, forwarding = false, stopping = false;
  std::uint64_t announcing = 0;  ///< the valid schedule of announcements
  std::uint64_t epoch = 0;
  Fitness fitness = Fitness::Fit;

  bool runs() const { return (station || machine) && host_up && !frozen; }
};

struct Connection {
  int from = 0, to = 0;
  bool open = true, accepted = false, pumping = false;
  std::string queue;
};

class World {
 public:
  explicit World(std::uint64_t seed);
  /// True if nothing was broken; else failure() and trail() tell.
  bool run();
  const std::string& failure() const { return failure_; }
  const std::deque<std::string>& trail() const { return trail_; }
  std::uint64_t moves() const { return moves_; }
  Instant now() const { return now_; }
  const Setting& setting() const { return setting_; }

 private:
  // world.cpp: clock and nodes
  void at(Instant when, std::function<void()> what);
  void pass(Duration span);
  void note(std::string text);
  void fail(std::string text);
  void boot(Node& node, std::string handed = "");
  void end_process(Node& node, bool host);
  void freeze(Node& node);
  void thaw(Node& node);
  void input(Node& node, std::function<void(Station&)> what, bool datagram = false);
  void after(Node& node);
  void arm(Node& node);
  void fire(Node& node);
  StationConfig config_of(const Node& node) const;
  GroupConfig group_of(const Node& node) const;
  Node& other(const Node& node) { return nodes_[static_cast<std::size_t>(1 - node.id)]; }
  WallTime wall(const Node& node) const { return {now_.ns / 1000 + node.clock_us}; }

  // network.cpp: what is between them
  bool cut(Path path, int from, int to) const;
  Duration delay();
  void datagram(Path path, const Node& from, Node& to, std::function<void(Station&)> what);
  void vrrp(Node& from, const std::string& packet, const Address& to);
  void heartbeat(Node& from, const std::string& bytes);
  void dial(Node& node);
  void attempt(std::uint64_t id);
  void accept(std::uint64_t id);
  void write(Node& node, const std::string& bytes);
  void pump(std::uint64_t id);
  void close(std::uint64_t id, int closer);
  void tell_end(std::uint64_t id, int whom);
  void ask_gateway(Node& node);
  void announce(Node& node, std::uint64_t schedule, std::size_t step);

  // carry.cpp: actions
  void carry(Node& node, std::vector<StationAction> actions);
  void carry_one(Node& node, const StationAction& action);
  void carry_foreign(Node& node);
  void linger(Node& node);

  // check.cpp: invariants
  void check();
  void check_two(Node& a, Node& b);
  void check_order(Node& node, bool answered_before, bool advertised);
  void check_calm();
  std::string judge_calm() const;
  bool hear_each_other(const Node& a, const Node& b, Duration& bound) const;

  // story.cpp: what happens
  void check_calm_holder();
  void step();
  void kill(Node& node);
  bool calm_network() const;
  Duration take_over_patience() const;
  void hurt(Node& node);
  void hurt_network();
  void freeze_holder();
  void command(Node& node);
  void upgrade(Node& node);
  void heal();
  Node* holder();

  std::uint64_t seed_;
  Random random_;
  Setting setting_;
  Instant now_{1'000'000'000};
  std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t last_ = 0;
  std::vector<Node> nodes_;
  std::map<std::uint64_t, Connection> connections_;
  std::array<std::array<std::array<bool, 3>, 3>, paths> cut_{};
  bool gateway_up_ = true;
  int client_entry_ = -1;  ///< whom the client's ARP table points to
  int last_holder_ = -1;
  std::uint64_t moves_ = 0;
  std::map<std::pair<int, int>, Instant> both_since_;
  std::map<std::pair<int, int>, Duration> both_bound_;
  std::string failure_;
  std::deque<std::string> trail_;
};

}  // namespace holdfast::vrrp::sim
