// What the control loop publishes about a service, and what data loops tell it back. Views are small
// values, copied to each loop by message; the epoch rises with each change.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast {

struct InstanceView {
  bool usable = false;           ///< up and not drained: may get new requests
  bool lost = false;             ///< given up: requests in flight to it are taken back
  std::uint32_t weight = 0;      ///< effective weight, slow start included (balance)
  bool readable = false;         ///< SQL: a secondary that takes reads; sessions that only read may go there
};

struct ServiceView {
  std::uint64_t epoch = 0;
  int active = -1;               ///< active-standby: index of the active instance, -1: none. Balance: -1
  bool any = false;              ///< some instance can take requests now
  std::vector<InstanceView> instances;  ///< in the order of the configuration
};

/// Passive evidence from real traffic, sent by data loops the moment it is seen.
enum class Evidence : std::uint8_t {
  Refused,          ///< connect refused: nobody listens
  Unreachable,      ///< no route, host down
  ConnectTimeout,
  Reset,            ///< connection died under a request
  ResponseTimeout,  ///< no response head in time
  BadResponse,      ///< not HTTP, or refused by the strict parser
  GoingAway,        ///< 502, 503, 504 that was withheld
  Tls,              ///< handshake or verification failed
  SqlRole,          ///< the SQL server answered that it is not, or not yet, the primary
  Success,          ///< a response after an earlier failure
};
std::string_view name_of(Evidence evidence);

}  // namespace holdfast
