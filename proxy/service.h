// One service as one data loop sees it: its configuration, the view last published by the control
// loop, and those who want to know when that changes. It decides nothing; the control loop elects.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "conf/snapshot.h"
#include "proxy/base/list.h"
#include "proxy/service_view.h"

namespace holdfast {

class Service;

class ServiceWatcher : public ListNode<ServiceWatcher> {
 public:
  /// The view changed. The watcher may unlink itself or others; it may not destroy the service.
  virtual void on_service_changed(Service& service) = 0;

 protected:
  ~ServiceWatcher() = default;
};

class Service {
 public:
  /// `report` carries evidence to the control loop; it may be called at any time.
  using Report = std::function<void(const Service&, std::size_t instance, Evidence)>;

  Service(const conf::Service& config, Report report) : config_(&config), report_(std::move(report)) {}

  const conf::Service& config() const { return *config_; }
  const ServiceView& view() const { return view_; }
  void watch(ServiceWatcher& watcher) { watchers_.push_back(watcher); }
  void report(std::size_t instance, Evidence evidence) { report_(*this, instance, evidence); }

  void set_config(const conf::Service& config) { config_ = &config; }  ///< after a reload
  /// Stores the view and tells every watcher that was there before the call, once.
  void publish(const ServiceView& view);

 private:
  const conf::Service* config_;
  Report report_;
  ServiceView view_;
  List<ServiceWatcher> watchers_;
};

}  // namespace holdfast
