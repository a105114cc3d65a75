#include "vrrp/driver_cpu.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

/// Spins or sleeps on processor 0 under a policy, until it is destroyed.
class Busy {
 public:
  Busy(const char* name, int policy, bool spins) {
    thread_ = std::thread([this, name, policy, spins] {
      cpu_set_t first;
      CPU_ZERO(&first);
      CPU_SET(0, &first);
      ::pthread_setaffinity_np(::pthread_self(), sizeof first, &first);
      const sched_param zero{};
      ::pthread_setschedparam(::pthread_self(), policy, &zero);
      ::pthread_setname_np(::pthread_self(), name);
      ready_ = true;
      while (!ended_)
        if (!spins) ::poll(nullptr, 0, 1000);
    });
    while (!ready_) ::poll(nullptr, 0, 1);
  }
  ~Busy() {
    ended_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> ready_ = false, ended_ = false;
  std::thread thread_;
};

Duration counted(const char* name) {
  CpuShare share(name);
  (void)share.of(10_ms);
  Duration sum;
  for (int i = 0; i < 20; ++i) {
    ::poll(nullptr, 0, 10);
    sum = sum + share.of(10_ms);
  }
  return sum;
}

}  // namespace

TEST_CASE("a thread that sleeps could have run all the time") {
  Busy sleeper("t-sleeper", SCHED_OTHER, false);
  CHECK(counted("t-sleeper") == 200_ms);
}

TEST_CASE("a thread that waits for its processor could not") {
  Busy hog("t-hog", SCHED_OTHER, true);
  Busy starved("t-starved", SCHED_IDLE, true);
  CHECK(counted("t-starved") < 60_ms);
  CHECK(counted("t-hog") > 0_ms);
}

TEST_CASE("of a thread that there is not, all time counts") { CHECK(counted("t-nobody") == 200_ms); }
