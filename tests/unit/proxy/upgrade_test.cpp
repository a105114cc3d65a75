#include "proxy/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <optional>

using namespace holdfast;

namespace {

std::string error_of(std::string_view text) {
  const Result<Handover> handover = parse_handover(text);
  return handover ? "none" : handover.error().text;
}

/// Runs a shell script as the next program and waits for the verdict.
Result<int> upgrade_to(const std::string& script, const std::string& state,
                       std::vector<HandedDescriptor> listeners) {
  auto loop = io::make_uv_loop();
  Upgrade upgrade(*loop);
  std::optional<Result<int>> verdict;
  const Status begun =
      upgrade.start({"/bin/sh", {"sh", "-c", script}}, std::move(listeners), state, [&](Result<int> result) {
        verdict = std::move(result);
        loop->stop();
      });
  if (!begun) return std::unexpected(begun.error());
  CHECK(upgrade.running());
  CHECK_FALSE(upgrade.start({"/bin/sh", {"sh"}}, {}, "", [](Result<int>) {}));
  loop->run();
  CHECK_FALSE(upgrade.running());
  return *verdict;
}

const std::string finds_descriptors = "fd() { v=${HOLDFAST_INHERIT#*$1=}; echo /proc/self/fd/${v%%,*}; }; ";

}  // namespace

TEST_CASE("hand-over: what is written is read back") {
  Handover handover{{{"127.0.0.1:80#0", 7}, {"[::1]:443#1", 8}, {"@control", 9}}, 3, 4};
  CHECK(encode(handover) == "@state=3,@ready=4,127.0.0.1:80#0=7,[::1]:443#1=8,@control=9");
  const Result<Handover> back = parse_handover(encode(handover));
  REQUIRE(back);
  CHECK(back->state == 3);
  CHECK(back->ready == 4);
  REQUIRE(back->listeners.size() == 3);
  CHECK(back->listeners[1].key == "[::1]:443#1");
  CHECK(back->listeners[1].fd == 8);
}

TEST_CASE("hand-over: a malformed variable is refused") {
  for (const char* text :
       {"", "x", "=3", "@state=3", "@state=3,@ready=", "@state=3,@ready=4x", "@state=3,@ready=2",
        "@state=3,@ready=-4", "@state=3,@ready=99999999999", "@state=3,@ready=4,,"}) {
    INFO(text);
    CHECK(error_of(text).find("HOLDFAST_INHERIT is malformed") == 0);
  }
}

TEST_CASE("upgrade: the new process gets the descriptors and the state, and is waited for") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const Result<int> process =
      upgrade_to(finds_descriptors + "cat $(fd @state) > $(fd pipe); printf 1 > $(fd @ready)", "the state\n",
                 {{"pipe", ends[1]}});
  REQUIRE(process);
  CHECK(*process > 0);
  char text[64];
  CHECK(std::string(text, static_cast<std::size_t>(::read(ends[0], text, sizeof text))) == "the state\n");
  CHECK(::waitpid(*process, nullptr, 0) == *process);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("upgrade: a new process that fails is told, and changes nothing") {
  const Result<int> exited = upgrade_to("exit 2", "", {});
  REQUIRE_FALSE(exited);
  CHECK(exited.error().text.find("it exited with code 2") != std::string::npos);
  const Result<int> killed = upgrade_to("kill -9 $$", "", {});
  REQUIRE_FALSE(killed);
  CHECK(killed.error().text.find("it was killed by signal 9") != std::string::npos);
  auto loop = io::make_uv_loop();
  Upgrade upgrade(*loop);
  const Status missing = upgrade.start({"/nonexistent/holdfast", {"holdfast"}}, {}, "", [](Result<int>) {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text.find("cannot run /nonexistent/holdfast") == 0);
  CHECK_FALSE(upgrade.running());
}

TEST_CASE("upgrade: one that is given up leaves no process behind") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  {
    auto loop = io::make_uv_loop();
    Upgrade upgrade(*loop);
    REQUIRE(upgrade.start({"/bin/sh", {"sh", "-c", "exec sleep 100"}}, {{"pipe", ends[1]}}, "",
                          [](Result<int>) {}));
  }
  ::close(ends[1]);
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 0);  // the child held the other end
  ::close(ends[0]);
}

TEST_CASE("hand-over: the environment is taken once, and its descriptors stay ours") {
  CHECK(take_handover()->state == -1);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string text = "@state=" + std::to_string(ends[0]) + ",@ready=" + std::to_string(ends[1]);
  ::setenv("HOLDFAST_INHERIT", text.c_str(), 1);
  const Result<Handover> handover = take_handover();
  REQUIRE(handover);
  CHECK(handover->ready == ends[1]);
  CHECK((::fcntl(ends[0], F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(::getenv("HOLDFAST_INHERIT") == nullptr);
  report_ready(ends[1]);
  char byte = 0;
  CHECK(::read(ends[0], &byte, 1) == 1);
  ::close(ends[0]);
  ::setenv("HOLDFAST_INHERIT", "@state=900,@ready=901", 1);
  CHECK_FALSE(take_handover());
}
