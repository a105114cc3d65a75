// What a guardian does for a worker that cannot any more: it takes the virtual addresses off this host and
// tells VRRP's other routers, with packets that the worker made while it lived. Needs CAP_NET_ADMIN and
// CAP_NET_RAW, opens what it needs at that moment, and goes on past anything that fails.
#pragma once

#include "vrrp/driver_guard_page.h"

namespace holdfast::vrrp {

/// Returns how many addresses were taken off and packets were sent; failures are logged.
struct FarewellCount {
  std::size_t addresses = 0, packets = 0;
};
FarewellCount give_up(const GuardedState& state);

}  // namespace holdfast::vrrp
