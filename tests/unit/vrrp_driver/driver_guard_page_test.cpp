#include "vrrp/driver_guard_page.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

Address ip(std::string_view text) { return *Address::from_ip(text, 0); }

GuardedState some() {
  GuardedState state;
  state.addresses = {{1, ip("10.9.0.10"), 32}, {1, ip("fd09::10"), 128}};
  state.packets = {{7, ip("10.9.0.2"), ip("224.0.0.18"), "v4"}, {7, ip("fe80::2"), ip("ff02::12"), "v6"}};
  return state;
}

void in_environment(const GuardPage& page) {
  ::setenv(guard_variable, std::to_string(page.descriptor()).c_str(), 1);
}

}  // namespace

TEST_CASE("what a worker publishes is what its guardian reads, each time anew") {
  auto page = GuardPage::create();
  REQUIRE(page);
  CHECK(page->state().empty());
  page->claim();
  REQUIRE(page->publish(some()));
  for (int round = 0; round < 3; ++round) {
    const GuardedState read = page->state();
    REQUIRE(read.addresses.size() == 2);
    CHECK(read.addresses[1].address == ip("fd09::10"));
    CHECK(read.addresses[1].prefix_bits == 128);
    REQUIRE(read.packets.size() == 2);
    CHECK(read.packets[0].to == ip("224.0.0.18"));
    CHECK(read.packets[1].source == ip("fe80::2"));
    CHECK(read.packets[1].payload == "v6");
    CHECK(read.packets[1].interface == 7);
    REQUIRE(page->publish({}));
    CHECK(page->state().empty());
    REQUIRE(page->publish(some()));
  }
  page->reset(0);
  CHECK(page->state().empty());
}

TEST_CASE("a process that has been succeeded changes nothing any more") {
  auto page = GuardPage::create();
  REQUIRE(page);
  page->claim();
  page->set_ready();
  page->beat(5);
  page->reset(1);  // stands for the claim of another process
  page->set_ready();
  page->beat(6);
  CHECK(page->publish(some()));
  CHECK(page->state().empty());
  CHECK_FALSE(page->ready());
  CHECK(page->last_beat() == 0);
}

TEST_CASE("too much for the page is an error, and leaves what was there") {
  auto page = GuardPage::create();
  REQUIRE(page);
  page->claim();
  REQUIRE(page->publish(some()));
  GuardedState long_packet = some();
  long_packet.packets[0].payload.assign(GuardPage::payload_max + 1, 'x');
  CHECK_FALSE(page->publish(long_packet));
  GuardedState many;
  many.addresses.assign(GuardPage::addresses_max + 1, some().addresses[0]);
  CHECK_FALSE(page->publish(many));
  many.addresses.pop_back();
  CHECK(page->publish(many));
  CHECK(page->state().addresses.size() == GuardPage::addresses_max);
}

TEST_CASE("both sides of a page see the same memory") {
  auto guardian = GuardPage::create();
  REQUIRE(guardian);
  in_environment(*guardian);
  auto worker = GuardPage::inherit();
  REQUIRE(worker);
  CHECK_FALSE(worker->guardian_gone());
  worker->claim();
  worker->set_ready();
  worker->beat(77);
  CHECK(guardian->worker() == ::getpid());
  CHECK(guardian->ready());
  CHECK(guardian->last_beat() == 77);
  guardian->note_taken();
  CHECK(worker->times_taken() == 1);
  ::unsetenv(guard_variable);
}

TEST_CASE("only a page is taken for one") {
  for (const char* value : {"", "-1", "0", "2", "999", "3x", "x", "99999999999999"}) {
    ::setenv(guard_variable, value, 1);
    CHECK_FALSE(GuardPage::inherit());
  }
  char name[] = "/tmp/holdfast-guard-test-XXXXXX";
  const int file = ::mkstemp(name);
  REQUIRE(file >= 0);
  ::unlink(name);
  auto page = GuardPage::create();
  REQUIRE(page);
  struct stat info{};
  ::fstat(page->descriptor(), &info);
  REQUIRE(::ftruncate(file, info.st_size) == 0);  // of the right size, but it could be cut short later
  ::setenv(guard_variable, std::to_string(file).c_str(), 1);
  CHECK_FALSE(GuardPage::inherit());
  CHECK(::ftruncate(page->descriptor(), 0) != 0);
  in_environment(*page);
  CHECK(GuardPage::inherit());
  const std::uint64_t other = 0;
  REQUIRE(::pwrite(page->descriptor(), &other, sizeof other, 0) == sizeof other);
  CHECK_FALSE(GuardPage::inherit());  // of another version
  ::close(file);
  ::unsetenv(guard_variable);
}

TEST_CASE("garbage in the page is read within bounds") {
  auto page = GuardPage::create();
  REQUIRE(page);
  struct stat info{};
  ::fstat(page->descriptor(), &info);
  for (int fill : {0xff, 0x7f, 0x01, 0x02, 0x80}) {
    const std::string garbage(static_cast<std::size_t>(info.st_size) - 8, static_cast<char>(fill));
    REQUIRE(::pwrite(page->descriptor(), garbage.data(), garbage.size(), 8) > 0);
    const GuardedState read = page->state();
    CHECK(read.addresses.size() <= GuardPage::addresses_max);
    for (const GuardedAddress& one : read.addresses) {
      CHECK(one.interface > 0);
      CHECK((one.prefix_bits >= 0 && one.prefix_bits <= 128));
    }
    for (const GuardedPacket& one : read.packets) CHECK(one.payload.size() <= GuardPage::payload_max);
  }
}
