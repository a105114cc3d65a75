// A bench on the libuv loop: real loopback sockets, real time, and a guard against hanging.
#pragma once

#include "tests/sim/io_contract.h"

namespace holdfast::io::contract {

class UvBench final : public Bench, TimerEvents {
 public:
  UvBench() : loop_(make_uv_loop()), tick_(loop_->timer(*this)) {}

  Loop& loop() override { return *loop_; }
  Address address() override { return *Address::from_ip("127.0.0.1", 0); }
  bool until(std::function<bool()> predicate) override {
    predicate_ = std::move(predicate);
    guard_ = loop_->now() + Duration::seconds(10);
    held_ = false;
    tick_->arm(loop_->now() + Duration::millis(1));
    loop_->run();
    return held_;
  }
  void pass(Duration time) override {
    Instant end = loop_->now() + time;
    until([this, end] { return loop_->now() >= end; });
  }
  std::size_t own_handles() const override { return 1; }

 private:
  void on_timer() override {
    held_ = predicate_();
    if (held_ || loop_->now() > guard_) return loop_->stop();
    tick_->arm(loop_->now() + Duration::millis(1));
  }

  std::unique_ptr<Loop> loop_;
  TimerPtr tick_;
  std::function<bool()> predicate_;
  Instant guard_;
  bool held_ = false;
};

}  // namespace holdfast::io::contract
