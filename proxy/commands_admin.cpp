// The running process's answers to the operator.
#include <unistd.h>

#include <utility>

#include "proxy/commands_process.h"
#include "proxy/commands_report.h"

namespace holdfast {

ProcessFacts RunningProcess::facts() {
  ProcessFacts facts = facts_;
  measure_process(facts);
  facts.access_log_dropped = access_log_->dropped();
  return facts;
}

StatusReport RunningProcess::status() {
  const std::vector<ServiceStatus> services = engine_->control().status();
  const Totals totals = sum(engine_->metrics());
  StatusReport report = make_report({*snapshot_, services, totals, past_, loop_->now()});
  report.facts = facts();
  report.pid = static_cast<int>(::getpid());
  report.up = loop_->now() - started_at_;
  report.state = draining_ ? "draining" : "serving";
  report.reload_at = reload_at_;
  report.reload_text = reload_text_;
  report.vip = vip_->status();
  for (const Engine::LoopStatus& loop : engine_->loops()) {
    ++report.loops;
    report.sessions += loop.sessions;
  }
  return report;
}

std::string RunningProcess::metrics() {
  return metrics_text(
      {*snapshot_, sum(engine_->metrics()), facts(), make_gauges(engine_->control().status()), draining_,
       vip_->status(), sum_sql(engine_->metrics())});
}

AdminHealth RunningProcess::health() { return make_health(engine_->control().status(), draining_); }

void RunningProcess::sql(const SqlCommand& command, Later done) {
  if (!sql_) sql_ = std::make_unique<SqlDesk>(*loop_, *engine_, events_);
  sql_->run(command, std::move(done));
}

std::string RunningProcess::config() { return snapshot_->file + "\n" + snapshot_->node + "\n" + text_; }

Status RunningProcess::set_drained(std::string_view service, std::string_view instance, bool drained) {
  Control& control = engine_->control();
  return drained ? control.drain(service, instance) : control.ready(service, instance);
}

}  // namespace holdfast
