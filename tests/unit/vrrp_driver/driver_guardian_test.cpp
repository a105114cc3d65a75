// Real processes: each case runs a guardian in a child of the test, for it changes its process for good.
#include "vrrp/driver_guardian.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "vrrp/driver_guard_page.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

/// A pipe on which workers say who they are.
struct Word {
  Word() { REQUIRE(::pipe(ends) == 0); }
  ~Word() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  void say(int number) const { (void)!::write(ends[1], &number, sizeof number); }
  /// 0 if nobody said anything in time.
  int hear(int patience_ms = 5000) const {
    pollfd watched = {ends[0], POLLIN, 0};
    int number = 0;
    if (::poll(&watched, 1, patience_ms) == 1) (void)!::read(ends[0], &number, sizeof number);
    return number;
  }
  int ends[2];
};

GuardOptions quick(std::function<int()> worker) {
  GuardOptions options;
  options.worker = std::move(worker);
  options.delay_min = options.delay_max = 1_ms;
  return options;
}

pid_t start(const GuardOptions& options) {
  ::unsetenv(guard_variable);
  const pid_t process = ::fork();
  if (process == 0) {
    ::signal(SIGTERM, SIG_DFL);     // Catch2's handler would report a failed test
    ::_exit(guard(options));  // the guardian, and in the course of time its workers
  }
  REQUIRE(process > 0);
  return process;
}

int end_of(pid_t process) {
  int status = 0;
  REQUIRE(::waitpid(process, &status, 0) == process);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  ::_exit(99);
}

sigset_t term() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  return set;
}

/// Before the test can know of this process, so that none is missed.
void hold_term() {
  const sigset_t set = term();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

int wait_for_term() {
  const sigset_t set = term();
  int number = 0;
  ::sigwait(&set, &number);
  return number;
}

}  // namespace

TEST_CASE("a worker that ends by itself, or never was ready, ends the whole with its code") {
  CHECK(end_of(start(quick([] { return 0; }))) == 0);
  CHECK(end_of(start(quick([] { return 7; }))) == 7);
  CHECK(end_of(start(quick([]() -> int { die(); }))) == 128 + SIGKILL);
}

TEST_CASE("a worker that was ready and dies is started again, with an empty page") {
  Word word;
  auto begin = start(quick([&word]() -> int {
    auto page = GuardPage::inherit();
    if (!page || page->worker() != ::getpid() || page->ready() || !page->state().empty()) return 50;
    word.say(::getpid());
    page->set_ready();
    die();
  }));
  const int first = word.hear(), second = word.hear(), third = word.hear();
  CHECK(first > 0);
  CHECK(second > 0);
  CHECK(third > 0);
  CHECK(first != second);
  ::kill(begin, SIGTERM);
  end_of(begin);
}

TEST_CASE("TERM goes on to the worker, which is the last one") {
  Word word;
  auto begin = start(quick([&word] {
    auto page = GuardPage::inherit();
    if (!page) return 50;
    page->set_ready();
    hold_term();
    word.say(::getpid());
    return wait_for_term() == SIGTERM ? 5 : 51;
  }));
  CHECK(word.hear() > 0);
  ::kill(begin, SIGTERM);
  CHECK(end_of(begin) == 5);
  CHECK(word.hear(0) == 0);
}

TEST_CASE("the guardian follows the process that claims the page, and its signals go there") {
  Word word;
  auto begin = start(quick([&word] {
    auto page = GuardPage::inherit();
    if (!page) return 50;
    page->set_ready();
    if (::fork() > 0) {
      while (page->worker() == ::getpid()) ::usleep(1000);
      return 0;  // the upgraded one drains and goes
    }
    hold_term();
    page->claim();
    while (::getppid() != page->guardian()) ::usleep(1000);
    word.say(::getpid());
    return wait_for_term() == SIGTERM ? 6 : 51;
  }));
  CHECK(word.hear() > 0);
  ::kill(begin, SIGTERM);
  CHECK(end_of(begin) == 6);
}

TEST_CASE("a worker without a sign of life loses its addresses, and can see it") {
  GuardOptions options = quick([] {
    auto page = GuardPage::inherit();
    if (!page) return 50;
    page->beat(boot_time_ms());
    GuardedState state;
    state.addresses = {{1, *Address::from_ip("198.51.100.1", 0), 32}};  // not there: nothing to take
    if (!page->publish(state) || page->times_taken() != 0) return 51;
    for (int i = 0; i < 5000 && page->times_taken() == 0; ++i) ::usleep(1000);
    return page->times_taken() == 1 ? 0 : 52;
  });
  options.silence = 300_ms;
  CHECK(end_of(start(options)) == 0);
}

TEST_CASE("a process that has a guardian already makes none") {
  auto page = GuardPage::create();
  REQUIRE(page);
  ::setenv(guard_variable, std::to_string(page->descriptor()).c_str(), 1);
  const pid_t self = ::getpid();
  GuardOptions options = quick([self] { return ::getpid() == self ? 3 : 4; });
  CHECK(guard(options) == 3);
  ::unsetenv(guard_variable);
}
