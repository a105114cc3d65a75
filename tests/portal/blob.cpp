// GET /api/blob: bytes that anybody can compute, with a validator and ranges (RFC 9110 sections 8.8.3,
// 13.1.5 and 14), and the ways in which a server can die in the middle of them.
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tests/portal/server.h"

namespace portal {
namespace {

constexpr long long size_max = 4ll << 30, piece_max = 65536;

struct Part {
  long long begin = 0, end = 0;  ///< [begin, end) of the whole
  int status = 200;
};

Part select(const Request& request, long long size, const std::string& etag) {
  const Part whole{0, size, 200};
  const std::string range = request.header("Range"), condition = request.header("If-Range");
  if (!range.starts_with("bytes=") || range.find(',') != range.npos || etag.empty()) return whole;
  if (!condition.empty() && condition != etag) return whole;
  const std::string spec = range.substr(6);
  const std::size_t dash = spec.find('-');
  if (dash == spec.npos) return whole;
  const std::string first = spec.substr(0, dash), last = spec.substr(dash + 1);
  Part part{0, size, 206};
  if (first.empty()) {
    part.begin = std::max(0ll, size - std::atoll(last.c_str()));
  } else {
    part.begin = std::atoll(first.c_str());
    if (!last.empty()) part.end = std::min(size, std::atoll(last.c_str()) + 1);
  }
  if (part.begin >= part.end) part.status = 416;
  return part;
}

/// Byte i depends on i and the seed only, and has no short period.
char byte_at(long long i, unsigned seed) {
  std::uint64_t x = static_cast<std::uint64_t>(i / 8) * 0x9e3779b97f4a7c15ull + seed;
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 32;
  return static_cast<char>(x >> (i % 8 * 8));
}

class Sender {
 public:
  Sender(Portal& portal, const Request& request, Wire& wire)
      : portal_(portal), request_(request), wire_(wire), chunked_(request.number("chunked", 0) != 0) {}

  bool run(Part part, unsigned seed) {
    const long long die = request_.number("die-at", -1), cut = request_.number("cut-at", -1);
    const long long stop = std::max(die, cut);
    const bool fatal =
        stop >= part.begin && stop < part.end && portal_.store->once("t" + word(request_.arg("token")));
    const long long end = fatal ? stop : part.end;
    for (long long at = part.begin; at < end; at += piece_max)
      if (!piece(at, std::min(end, at + piece_max), seed)) return false;
    if (fatal) die >= 0 ? kill_self() : reset();
    if (fatal) return false;
    return !chunked_ || wire_.write("0\r\n\r\n");
  }

 private:
  bool piece(long long from, long long to, unsigned seed) {
    std::string bytes;
    if (chunked_) {
      char size[24];
      std::snprintf(size, sizeof size, "%llx\r\n", static_cast<unsigned long long>(to - from));
      bytes = size;
    }
    for (long long i = from; i < to; ++i) bytes += byte_at(i, seed);
    if (chunked_) bytes += "\r\n";
    const long long pause = request_.number("pause", 0);
    if (pause > 0) std::this_thread::sleep_for(std::chrono::milliseconds(pause));
    return wire_.write(bytes);
  }
  void kill_self() { ::kill(::getpid(), SIGKILL); }
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(wire_.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }

  Portal& portal_;
  const Request& request_;
  Wire& wire_;
  const bool chunked_;
};

}  // namespace

bool blob(Portal& portal, const Request& request, Wire& wire) {
  const long long size = std::clamp(request.number("size", 1024), 0ll, size_max);
  const unsigned seed =
      request.number("vary", 0) ? static_cast<unsigned>(std::hash<std::string>{}(portal.options.name)) : 0;
  const bool validated = request.number("etag", 1) != 0;
  const std::string etag = validated ? "\"b" + std::to_string(size) + "-" + std::to_string(seed) + "\"" : "";
  const Part part = select(request, size, etag);
  Response response{part.status, "application/octet-stream", "", {{"X-Instance", portal.options.name}}};
  const std::string attempt = request.header("X-Holdfast-Attempt");
  if (!attempt.empty()) response.headers.emplace_back("X-Attempt", attempt);
  if (validated) {
    response.headers.emplace_back("ETag", etag);
    response.headers.emplace_back("Accept-Ranges", "bytes");
  }
  const std::string whole = "/" + std::to_string(size);
  if (part.status == 416) response.headers.emplace_back("Content-Range", "bytes *" + whole);
  if (part.status == 206)
    response.headers.emplace_back(
        "Content-Range", "bytes " + std::to_string(part.begin) + "-" + std::to_string(part.end - 1) + whole);
  const long long length = part.status == 416 ? 0 : part.end - part.begin;
  const bool chunked = request.number("chunked", 0) != 0 && part.status != 416;
  const bool keep = request.keep_alive && !portal.stopping;
  if (!wire.write(head_of(response, chunked ? -1 : length, keep))) return false;
  if (request.method == "HEAD" || part.status == 416) return keep;
  return Sender(portal, request, wire).run(part, seed) && keep;
}

}  // namespace portal
