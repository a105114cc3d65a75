// How far two processors are apart: nanoseconds from a store on one to its sight on the other, half a round
// of a ping-pong between two pinned threads. On virtual machines placement drifts, and with it every figure
// of bench/proxy by 10 to 20 %; so it stands beside them.
//
//   pingpong CORE CORE        prints the median of 21 batches of 20,000 rounds
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

constexpr int batches = 21, rounds = 20'000;
std::atomic<int> ball{0};

void pin(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) {
    std::perror("pingpong");
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  std::thread other([core = std::atoi(argv[2])] {
    pin(core);
    for (int i = 0; i < batches * rounds; ++i) {
      while (ball.load(std::memory_order_acquire) != 2 * i + 1) {}
      ball.store(2 * i + 2, std::memory_order_release);
    }
  });
  pin(std::atoi(argv[1]));
  std::array<double, batches> took{};
  int next = 0;
  for (double& batch : took) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < rounds; ++i, next += 2) {
      ball.store(next + 1, std::memory_order_release);
      while (ball.load(std::memory_order_acquire) != next + 2) {}
    }
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    batch = spent.count() / rounds / 2;
  }
  other.join();
  std::nth_element(took.begin(), took.begin() + batches / 2, took.end());
  std::printf("%.0f\n", took[batches / 2]);
}
