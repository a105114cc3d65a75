// Kernel settings that the virtual IP needs on this host: changed only where they differ, and put back at the
// end. A process that ends without restore() leaves them; the next one takes them over.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace holdfast::vrrp {

class Sysctl {
 public:
  struct Change {
    std::string path;  ///< below /proc/sys: "net/ipv4/conf/eth0/arp_ignore"
    std::string before, now;
  };

  /// What a process before this one changed and did not put back: it was killed, or upgraded. Its text();
  /// lines that are not of an interface are passed over.
  void take_over(std::string_view text);
  std::string text() const;  ///< a line a change: path, before, now

  Status set(const std::string& path, const std::string& value);
  /// What the interface needs that carries addresses which stand on `lo`: the kernel answers no ARP for them
  /// and does not name them as the sender of its own questions, which would move them in everybody's caches.
  Status set_up_carrier(const std::string& interface);
  /// For a macvlan with a virtual MAC. Its IPv4 addresses stand on itself, not on `lo`: on an interface
  /// without any, the kernel drops what would be answered by another one, as its parent. It answers no ARP.
  Status set_up_macvlan(const std::string& interface);
  /// Puts back what this object changed and nobody has changed since, last first. Tries all, returns the
  /// first error.
  Status restore();
  const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

}  // namespace holdfast::vrrp
