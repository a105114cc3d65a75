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
  void handover(std::string_view group, bool force, Later done) override {
    asked += "handover|" + std::string(group) + (force ? "|force;" : ";");
    owed = std::move(done);
    if (at_once)
      owed(good ? Result<std::string>("moved") : fail(Blame::Operator, "the other node is not heard"));
  }
  void push(std::string text, Later done) override {
    asked += "push|" + std::to_string(text.size()) + ";";
    pushed = std::move(text);
    done("both nodes have it");
  }
  const Events& events() const override { return events_; }

  AdminHealth health_{true, "ok"};
  Events events_;
  bool good = true;
  bool at_once = true;
  Later owed;
  std::string asked, pushed;
};

}  // namespace holdfast
