#include "proxy/commands_bind.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace holdfast;

namespace {

/// Listens at a port of the system's choice, with SO_REUSEPORT as the data loops do.
class Occupant {
 public:
  Occupant() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const int one = 1;
    sockaddr_in raw{};
    raw.sin_family = AF_INET;
    raw.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof raw;
    auto* name = reinterpret_cast<sockaddr*>(&raw);
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    REQUIRE(::setsockopt(fd_, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    REQUIRE(::bind(fd_, name, size) == 0);
    REQUIRE(::listen(fd_, 1) == 0);
    REQUIRE(::getsockname(fd_, name, &size) == 0);
    port = ntohs(raw.sin_port);
  }
  ~Occupant() { end(); }
  void end() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  std::uint16_t port = 0;

 private:
  int fd_;
};

conf::Snapshot listening(std::string_view ip, std::uint16_t port) {
  conf::Snapshot s;
  s.listens.emplace_back();
  s.listens[0].name = "web";
  s.listens[0].bind.push_back(*Address::from_ip(ip, port));
  return s;
}

}  // namespace

TEST_CASE("a port that another process shares is not free, whatever the address form") {
  Occupant occupant;
  for (const char* ip : {"127.0.0.1", "0.0.0.0"}) {
    const Status done = check_addresses_free(listening(ip, occupant.port), nullptr);
    REQUIRE_FALSE(done);
    const std::string port = std::to_string(occupant.port);
    CHECK(done.error().text.starts_with("[listen.web]: cannot bind " + (ip + (":" + port))));
  }
  CHECK(check_addresses_free(listening("127.0.0.2", occupant.port), nullptr));
  occupant.end();
  CHECK(check_addresses_free(listening("127.0.0.1", occupant.port), nullptr));
  CHECK(check_addresses_free(listening("::1", occupant.port), nullptr));
}

TEST_CASE("a port that we hold ourselves is not asked for") {
  Occupant ours;
  const conf::Snapshot held = listening("127.0.0.1", ours.port);
  CHECK(check_addresses_free(listening("0.0.0.0", ours.port), &held));
  const conf::Snapshot other = listening("127.0.0.1", static_cast<std::uint16_t>(ours.port ^ 1));
  CHECK_FALSE(check_addresses_free(listening("127.0.0.1", ours.port), &other));
}
