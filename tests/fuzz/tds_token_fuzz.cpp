// Any bytes as a server's response. Input: one octet of flags, one of a seed for the split, then the
// tokens. A walk in pieces passes, shows and counts the same as one in a single piece, or both fail; no
// byte is lost; what is held is bounded.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "tds/login7.h"
#include "tds/token_walk.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

struct Sink final : TokenSink {
  Sink(std::uint32_t v, bool c) : version(v), changes(c) {}
  Verdict on_token(Token token, Bytes whole, std::string& replacement) override {
    CHECK(!whole.empty() && static_cast<std::uint8_t>(whole[0]) == static_cast<std::uint8_t>(token));
    CHECK(whole.size() <= TokenWalk::token_max);
    seen.append(whole);
    read(token, whole);
    if (!changes) return Verdict::Pass;
    if (token == Token::SessionState) return Verdict::Drop;
    replacement = "replaced";
    return token == Token::EnvChange ? Verdict::Replace : Verdict::Pass;
  }
  // What is read can be written and read again.
  void read(Token token, Bytes whole) const {
    std::string again;
    if (const auto done = parse_done(whole, version)) {
      append_done(again, version, *done);
      CHECK(again == whole);
    } else if (const auto message = parse_server_message(whole, version)) {
      append_server_message(again, version, *message);
      CHECK(parse_server_message(again, version)->number == message->number);
    } else if (const auto state = parse_session_state(whole)) {
      append_session_state(again, *state);
      CHECK(parse_session_state(again)->states.size() == state->states.size());
    } else if (const auto features = parse_feature_ack(whole)) {
      append_feature_ack(again, *features);
      CHECK(again == whole);
    } else if (const auto change = parse_env_change(whole)) {
      CHECK(token == Token::EnvChange && change->new_value.size() <= whole.size());
    } else if (const auto number = parse_returned_int(whole, version)) {
      CHECK(number->at + 4 == whole.size());
    } else {
      parse_login_ack(whole);
    }
  }
  std::uint32_t version;
  bool changes;
  std::string seen;
};

struct Outcome {
  std::string out, seen, held;
  std::uint64_t rows = 0;
  bool good = true, boundary = false;
};

// In pieces that `seed` decides on; 0: in a single one.
Outcome walk(Bytes response, unsigned flags, unsigned seed) {
  constexpr std::size_t held_max = 2 * TokenWalk::token_max;
  const std::uint32_t version = (flags & 1) != 0 ? tds_version::v7_1 : tds_version::v7_4;
  Sink sink(version, (flags & 4) != 0);
  TokenWalk walk(version, (flags & 2) != 0 ? ~TokenWalk::Kinds{} : TokenWalk::Kinds{}, sink,
                 (flags & 8) != 0);
  walk.set_data_classification(static_cast<std::uint8_t>(flags >> 4 & 3));
  const bool split = seed != 0, bytewise = (flags & 0x40) != 0;
  Outcome result;
  do {
    seed = seed * 1103515245 + 12345;
    const std::size_t n = bytewise ? 1 : 1 + (seed >> 16) % 40;
    const Bytes piece = response.substr(0, split ? n : response.size());
    result.good = walk.feed(piece, &result.out).has_value();
    response.remove_prefix(piece.size());
    CHECK(!split || walk.held().size() <= held_max);
  } while (result.good && !response.empty());
  result.held = std::string(walk.held()) + std::string(response);
  result.boundary = walk.at_boundary();
  result.seen = std::move(sink.seen);
  result.rows = walk.rows();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned flags = data[0];
  const Bytes response(reinterpret_cast<const char*>(data + 2), size - 2);
  const Outcome whole = walk(response, flags, 0);
  const Outcome split = walk(response, flags, data[1] + 1u);
  CHECK(whole.good == split.good && whole.rows == split.rows && whole.seen == split.seen);
  CHECK(whole.out + whole.held == split.out + split.held);
  CHECK(!whole.good || (whole.boundary == split.boundary && whole.held == split.held));
  if ((flags & 4) == 0) CHECK(whole.out + whole.held == response);
  return 0;
}
