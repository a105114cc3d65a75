// A Snapshot with everything that is derived from it once: the router, TLS contexts, and indices in the
// place of names. Immutable and shared by all loops; what a loop adds of its own is in driver_loop.h.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/base/result.h"
#include "proxy/plan_tls.h"
#include "proxy/router.h"

namespace holdfast {

class Plan {
 public:
  /// Loads certificates and keys; the error names the section and the file. What did not change is taken over
  /// from `last`, if there is one.
  static Result<std::shared_ptr<const Plan>> make(conf::SnapshotPtr snapshot, const Plan* last = nullptr);

  const conf::Snapshot& snapshot() const { return *snapshot_; }
  const conf::SnapshotPtr& shared() const { return snapshot_; }
  const Router& router() const { return router_; }
  /// Null if the listener, or the service, does not speak TLS.
  const io::TlsContext* listen_tls(std::size_t listen) const { return listen_tls_[listen].get(); }
  /// One per instance: a name is checked against each instance's own address unless one is configured.
  const io::TlsContext* service_tls(std::size_t service, std::size_t instance) const {
    return service_tls_[service].empty() ? nullptr : service_tls_[service][instance].get();
  }
  /// For the health checks, one per instance.
  std::vector<std::shared_ptr<const io::TlsContext>> check_tls(std::size_t service) const {
    return service_tls_[service];
  }
  /// For aware SQL sessions, one per instance; empty: no TLS towards them.
  std::vector<const io::TlsContext*> sql_tls(std::size_t service) const;
  std::size_t service_index(const conf::Route& route) const {
    return route_service_[static_cast<std::size_t>(&route - snapshot_->routes.data())];
  }
  std::size_t service_index(std::string_view name) const;

 private:
  using Tls = PlanTls::Context;
  explicit Plan(conf::SnapshotPtr snapshot);
  Status load_tls(const PlanTls* last);
  Status load_sql_tls(const PlanTls* last);

  conf::SnapshotPtr snapshot_;
  Router router_;
  PlanTls tls_;
  std::vector<Tls> listen_tls_;
  std::vector<std::vector<Tls>> service_tls_, sql_tls_;
  std::vector<std::size_t> route_service_;
};

using PlanPtr = std::shared_ptr<const Plan>;

}  // namespace holdfast
