#include "proxy/base/log.h"

#include "proxy/base/check.h"
#undef CHECK  // Catch's own from here on
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

using namespace holdfast;

namespace {

/// What f writes to standard error, read back from a pipe.
template <class F>
std::string standard_error(F f) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
  int saved = dup(STDERR_FILENO);
  dup2(ends[1], STDERR_FILENO);
  f();
  dup2(saved, STDERR_FILENO);
  close(saved), close(ends[1]);
  std::string all;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  return all;
}

std::string after_stamp(const std::string& line) { return line.substr(line.find(' ') + 1); }

}  // namespace

TEST_CASE("a log line is a stamp, a level and quoted fields") {
  std::string line = standard_error([] {
    log_info("instance is down", {{"instance", "ef-a"}, {"why", "no answer"}, {"empty", ""}, {"eq", "a=b"}});
  });
  CHECK(line.size() > 25);
  CHECK(line[10] == 'T');
  CHECK(line[23] == 'Z');
  CHECK(after_stamp(line) == "info instance is down instance=ef-a why=\"no answer\" empty=\"\" eq=\"a=b\"\n");
}

TEST_CASE("hostile values cannot forge a line or leave their quotes") {
  std::string line = standard_error([] {
    log_warning("bad", {{"host", "x\n2026-11-22T12:00:00.000Z error forged"}, {"path", "\"\\\x7f\x1b[2J"}});
  });
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(line.find("\\x0a2026") != std::string::npos);
  CHECK(line.find(R"(path="\"\\\x7f\x1b[2J")") != std::string::npos);
  line = standard_error([] { log_warning("bad", {{"host", "\xc2\x9b" "2J \xc3\x9b\xc2\xa0"}}); });
  CHECK(line.find("host=\"\\x9b2J \xc3\x9b\xc2\xa0\"") != std::string::npos);
}

TEST_CASE("levels under the least are not written") {
  set_log_level(LogLevel::Error);
  CHECK(standard_error([] { log_warning("quiet"); }).empty());
  CHECK_FALSE(log_enabled(LogLevel::Warning));
  set_log_level(LogLevel::Info);
  CHECK(log_enabled(LogLevel::Info));
  CHECK_FALSE(log_enabled(LogLevel::Debug));
}

TEST_CASE("lines of several threads stay whole") {
  std::string all = standard_error([] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([] {
        for (int i = 0; i < 200; ++i) log_info("tick", {{"value", "0123456789"}});
      });
    for (auto& thread : threads) thread.join();
  });
  std::size_t lines = 0;
  for (std::size_t start = 0; start < all.size(); ++lines) {
    std::size_t end = all.find('\n', start);
    REQUIRE(end != std::string::npos);
    REQUIRE(after_stamp(all.substr(start, end - start)) == "info tick value=0123456789");
    start = end + 1;
  }
  CHECK(lines == 800);
}

TEST_CASE("a broken invariant says where and aborts") {
  int status = 0;
  std::string text = standard_error([&] {
    pid_t child = fork();
    if (child == 0) {
      std::signal(SIGABRT, SIG_DFL);
      holdfast::check_failed("1 == 2", "some_file.cpp", 7);
    }
    waitpid(child, &status, 0);
  });
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  CHECK(text.find("1 == 2 (some_file.cpp:7)") != std::string::npos);
}
