// How well this node could serve what its virtual IPs are for: a pure function from the configuration and the
// state of the services. It knows nothing of loops, links and peers; a stalled loop or a lost link is judged by
// those who see it.
#pragma once

#include <string>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/control_service.h"

namespace holdfast {

struct VipFitness {
  std::string group;  ///< a [vip] that is alone is a group of its own name
  bool fit = false;  ///< not: a service behind its listeners has no instance that this node can reach
  std::string why;  ///< a sentence without its full stop; empty if fit

  friend bool operator==(const VipFitness&, const VipFitness&) = default;
};

/// One for each group, in the configuration's order. A listener is behind a group if it is bound to one of the
/// group's addresses, or to any address of that family. A service that has not been checked yet cannot be reached.
std::vector<VipFitness> vip_fitness(const conf::Snapshot& snapshot,
                                    const std::vector<ServiceStatus>& services);

}  // namespace holdfast
