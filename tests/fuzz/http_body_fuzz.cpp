// Bodies: what the decoder says does not depend on how its input is split, and a body that it took
// apart, chunked again, is taken apart to the same bytes. The first two bytes choose framing and split.
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "proxy/http/body.h"
#include "proxy/http/serialise.h"

using namespace holdfast;
using namespace holdfast::http;

namespace {

struct Outcome {
  std::string body;
  std::string trailers;
  std::string_view rule;
  std::size_t taken = 0;
  bool done = false;
};

constexpr BodyLimits narrow{.chunk_extension = 16, .trailer_bytes = 64, .trailer_fields = 3};

/// `piece`: bytes given at a time.
Outcome decode(std::string_view in, Framing framing, std::uint64_t length, std::size_t piece,
               const BodyLimits& limits = narrow) {
  BodyDecoder decoder;
  Outcome outcome;
  decoder.start(framing, length, limits);
  while (outcome.taken < in.size() && !decoder.done()) {
    std::string_view next = in.substr(outcome.taken, piece);
    auto step = decoder.step(next);
    if (!step) {
      outcome.rule = step.error().rule;
      return outcome;
    }
    CHECK(step->taken > 0 && step->taken <= next.size());
    CHECK(step->data.size() <= step->taken);
    CHECK(step->done == decoder.done());
    outcome.taken += step->taken;
    outcome.body += step->data;
  }
  CHECK(decoder.received() == outcome.body.size());
  outcome.done = decoder.done();
  outcome.trailers = decoder.trailers();
  return outcome;
}

std::string chunk_again(const Outcome& outcome) {
  std::string out;
  constexpr char digits[] = "0123456789ABCDEF";
  for (std::size_t at = 0; at < outcome.body.size(); at += 15) {
    std::string_view run = std::string_view(outcome.body).substr(at, 15);
    out += digits[run.size()];
    out.append("\r\n").append(run).append("\r\n");
  }
  out += "0\r\n";
  write_trailers(outcome.trailers, out);
  return out + "\r\n";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Framing framings[] = {Framing::Chunked, Framing::Length, Framing::UntilClose, Framing::Chunked};
  const Framing framing = framings[data[0] & 3];
  const std::uint64_t length = data[0] >> 2;
  std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  const Outcome whole = decode(in, framing, length, in.size() + 1);
  for (std::size_t piece : {std::size_t{1}, std::size_t{2} + data[1]}) {
    const Outcome split = decode(in, framing, length, piece);
    CHECK(split.rule == whole.rule);
    if (!whole.rule.empty()) continue;
    CHECK(split.body == whole.body && split.trailers == whole.trailers);
    CHECK(split.taken == whole.taken && split.done == whole.done);
  }
  if (framing == Framing::Chunked && whole.done) {
    const std::string again = chunk_again(whole);
    const Outcome twice = decode(again, Framing::Chunked, 0, again.size(), {});
    CHECK(twice.done && twice.body == whole.body && twice.taken == again.size());
  }
  return 0;
}
