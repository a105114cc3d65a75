// What `holdfast status` and the metrics show of the virtual IPs and of the other node: a plain copy, so that
// neither needs to know the machines behind it. The process fills it; nothing here decides.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast {

struct StatusVipGroup {
  std::string name;
  std::string role;  ///< "holder", "standby", "lingering"
  std::string fitness;  ///< "fit", "degraded", "unfit"
  std::string vrrp;  ///< state of the VRRP machine
  std::string interface;
  std::vector<std::string> addresses;
  Duration since{};  ///< how long in this role
  std::uint64_t epoch = 0;
  std::uint64_t changes = 0;  ///< of this node's role since it started
  std::string because;  ///< why it is so, and what would change it: sentences
  std::string moves_if;
  std::uint64_t lingering = 0;  ///< connections that live on after a hand-over
  std::uint64_t adverts_sent = 0, adverts_received = 0;
  std::vector<std::pair<std::string, std::uint64_t>> adverts_refused;  ///< by reason
  std::uint64_t announcements = 0, questions_answered = 0;  ///< of ARP and ND
};

struct StatusPeer {
  std::string name;
  std::string link;  ///< "alive", "silent", "dead", ...
  Duration since{};  ///< how long it has been so
  Duration timeout{};  ///< after so much silence it counts as gone
  std::string version, hash;  ///< empty: not told yet
  std::uint64_t generation = 0;
  bool up = false;  ///< it is heard
  bool drift = false;  ///< both configurations are known, and they differ
  std::uint64_t heartbeats_sent = 0, heartbeats_received = 0, heartbeats_refused = 0;
};

struct StatusVip {
  bool running = false;  ///< there are virtual IPs, and their thread runs
  bool real_time = false, memory_locked = false;
  bool paired = false;  ///< else `peer` has no meaning: VRRP decides alone
  StatusPeer peer;
  std::vector<StatusVipGroup> groups;
};

}  // namespace holdfast
