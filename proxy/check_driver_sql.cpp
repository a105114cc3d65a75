#include "proxy/check_driver_sql.h"

#include <cstdio>
#include <utility>

namespace holdfast {

SqlProbe::SqlProbe(io::Loop& loop, Done done, std::function<void()> closed)
    : loop_(loop), done_(std::move(done)), closed_(std::move(closed)), timer_(loop.timer(*this)) {}

void SqlProbe::use(const MakeRoleAsker& make, const conf::Instance& instance,
                   const conf::SqlMonitor& monitor) {
  if (make) asker_ = make(instance, monitor, *this);
}

void SqlProbe::begin(Duration timeout) {
  began_ = loop_.now();
  timeout_ = timeout;
  asking_ = true;
  timer_->arm(began_ + timeout);
  if (asker_) asker_->ask();
}

void SqlProbe::on_role(const tds::RoleAnswer& answer) {
  if (asking_) finish(answer);
}

void SqlProbe::on_closed() {
  // Under a question the answer tells the same, and more.
  if (!asking_) closed_();
}

void SqlProbe::on_timer() {
  char text[48];
  std::snprintf(text, sizeof text, "no answer in %.3g s", timeout_.to_seconds());
  tds::RoleAnswer answer;
  answer.why = text;
  finish(answer);
}

void SqlProbe::finish(const tds::RoleAnswer& answer) {
  asking_ = false;
  timer_->disarm();
  done_(answer, loop_.now() - began_);
}

}  // namespace holdfast
