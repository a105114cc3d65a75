// Both login machines under a hostile peer. The first byte says which, how it is set and how its input is cut; the
// rest is what the peer sends. A response that is taken reads the same once it has been made fit for the client.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "tds/login.h"
#include "tds/token.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr std::uint64_t asked = 1u << 1 | 1u << 10;

Encryption encryption_of(std::uint8_t how) { return static_cast<Encryption>(how >> 1 & 3); }

void client(std::uint8_t how, std::size_t step, Bytes bytes) {
  ClientLogin login({encryption_of(how), (how & 8) != 0, 0x10000000, 0});
  int done = 0;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    Bytes part = bytes.substr(at, step);
    while (!part.empty()) {
      const std::size_t before = part.size();
      const auto said = login.feed(part);
      if (!said) return;
      CHECK(part.size() < before);
      CHECK(said->send.size() + said->send_after.size() < 1024);
      CHECK(!said->start_tls || part.empty());
      done += said->done;
      CHECK(done <= 1);
      if (!said->refused.empty()) return;
    }
  }
}

// `version` is the one that was asked for: it holds up to LOGINACK.
void answer_is_fit(const ServerLogin::Result_& result, std::uint32_t version) {
  const auto again = parse_login_response(result.answer, version, asked);
  CHECK(again);
  CHECK(again->answer == result.answer);
  CHECK(again->outcome != ServerLogin::Outcome::Routed);
}

void server(std::uint8_t how, std::size_t step, Bytes bytes) {
  Login7 mine;
  mine.version = (how & 16) != 0 ? tds_version::v7_1 : tds_version::v7_4;
  ServerLogin login({encryption_of(how), (how & 8) != 0, "i"}, mine, asked);
  login.start();
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    Bytes part = bytes.substr(at, step);
    while (!part.empty()) {
      const auto said = login.feed(part);
      if (!said) return;
      if (said->start_tls) CHECK(login.tls_ready());
      if (!said->done) continue;
      answer_is_fit(login.result(), mine.version);
      if (login.result().outcome != ServerLogin::Outcome::SspiAsked) return;
      login.sspi("token");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  const Bytes bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = (how & 32) != 0 ? 1 : (how & 64) != 0 ? 13 : bytes.size() + 1;
  (how & 1) != 0 ? server(how, step, bytes) : client(how, step, bytes);
  for (const std::uint32_t version : {tds_version::v7_1, tds_version::v7_4})
    if (const auto result = parse_login_response(bytes, version, asked)) answer_is_fit(*result, version);
  return 0;
}
