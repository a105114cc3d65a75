// The witness: a row in a database that both nodes of a Holdfast pair reach, leased to the node that holds
// the virtual IP. It breaks the tie when the nodes do not hear each other, and is never needed while they
// do. Pure: gives the batches, and reads their answers. Times are the server's; nothing here compares two
// clocks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/base/time.h"
#include "tds/role.h"

namespace holdfast::tds {

/// What this node may do with the row; taking is one UPDATE whose WHERE lets one of two nodes succeed.
enum class WitnessAct : std::uint8_t {
  Read,  ///< a standby that hears its peer
  Take,  ///< a holder renews; a standby that hears nothing takes what has expired
};

/// A holder renews several times within it; a host's death is believed after it at the latest.
inline constexpr Duration witness_lease = Duration::millis(1000);

struct WitnessAnswer {
  /// Of the other node, as vrrp::Evidence::witness: 1 this node has the lease, -1 that one has, 0 nobody.
  int verdict = 0;
  std::string why;     ///< verdict 0: what is missing, for the operator
  std::string holder;
  std::int64_t epoch = 0;  ///< counts changes of the holder
};

std::string witness_setup(std::string_view cluster);  ///< once a connection: makes table and row
std::string witness_batch(std::string_view cluster, std::string_view node, WitnessAct act);
/// `complaint`: the last error the batch met; empty: none.
WitnessAnswer judge_witness(std::string_view node, std::span<const AnswerTable> tables,
                            std::string_view complaint);

}  // namespace holdfast::tds
