// An Admin whose answers a test sets, and that remembers what it was asked.
#pragma once

#include <string>

#include "proxy/admin.h"

namespace holdfast {

class FakeAdmin final : public Admin {
 public:
  StatusReport status() override {
    StatusReport report;
    report.facts.version = "9.9";
    return report;
  }
  std::string metrics() override { return "metric 1\n"; }
  AdminHealth health() override { return health_; }
  std::string config() override { return "a.toml\nef-a\ntext\n"; }
  Status set_drained(std::string_view service, std::string_view instance, bool drained) override {
    asked += std::string(service) + "|" + std::string(instance) + (drained ? "|drain;" : "|ready;");
    if (!good) return fail(Blame::Operator, "there is no such instance");
    return {};
  }
  Status reload() override {
    asked += "reload;";
    if (!good) return fail(Blame::Operator, "a.toml:1:1: error: bad");
    return {};
  }
  const Events& events() const override { return events_; }

  AdminHealth health_{true, "ok"};
  Events events_;
  bool good = true;
  std::string asked;
};

}  // namespace holdfast
