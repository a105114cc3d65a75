// The portal's WebSocket (RFC 6455) and the numbers it sends. They are made up from the clock, so that
// both replicas show the same ones.
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <bit>
#include <chrono>
#include <ctime>

#include "tests/portal/server.h"

namespace portal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_max = 1 << 20;
enum Opcode : unsigned { Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

void sha1_block(const unsigned char* block, std::array<std::uint32_t, 5>& h) {
  std::uint32_t w[80];
  for (int i = 0; i < 16; ++i)
    w[i] = std::uint32_t{block[4 * i]} << 24 | std::uint32_t{block[4 * i + 1]} << 16 |
           std::uint32_t{block[4 * i + 2]} << 8 | block[4 * i + 3];
  for (int i = 16; i < 80; ++i) w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = h;
  for (int i = 0; i < 80; ++i) {
    const std::uint32_t f = i < 20   ? (b & c) | (~b & d)
                            : i < 40 ? b ^ c ^ d
                            : i < 60 ? (b & c) | (b & d) | (c & d)
                                     : b ^ c ^ d;
    const std::uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    const std::uint32_t next = std::rotl(a, 5) + f + e + k[i / 20] + w[i];
    e = d, d = c, c = std::rotl(b, 30), b = a, a = next;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
}

std::string sha1(std::string text) {
  const std::uint64_t bits = text.size() * 8;
  text += '\x80';
  while (text.size() % 64 != 56) text += '\0';
  for (int i = 7; i >= 0; --i) text += static_cast<char>(bits >> (8 * i));
  std::array<std::uint32_t, 5> h{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  for (std::size_t at = 0; at < text.size(); at += 64)
    sha1_block(reinterpret_cast<const unsigned char*>(text.data()) + at, h);
  std::string out;
  for (const std::uint32_t word : h)
    for (int i = 3; i >= 0; --i) out += static_cast<char>(word >> (8 * i));
  return out;
}

std::string base64(const std::string& bytes) {
  const char* digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned value = 0;
    for (std::size_t j = 0; j < 3; ++j)
      value = value << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      out += i + j <= bytes.size() ? digits[value >> (18 - 6 * j) & 63] : '=';
  }
  return out;
}

std::string frame(unsigned opcode, const std::string& payload) {
  std::string out(1, static_cast<char>(0x80 | opcode));
  const std::size_t n = payload.size();
  const int bytes = n < 126 ? 0 : n < 65536 ? 2 : 8;
  out += static_cast<char>(bytes == 0 ? n : bytes == 2 ? 126 : 127);
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(static_cast<std::uint64_t>(n) >> (8 * i));
  return out + payload;
}

/// Takes one whole client frame off the buffer. 0: more bytes are needed; 1: taken; -1: broken.
int take_frame(std::string& buffer, unsigned& opcode, std::string& payload) {
  if (buffer.size() < 2) return 0;
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer[i]); };
  if (!(byte(1) & 0x80)) return -1;  // section 5.1: a client masks
  std::uint64_t n = byte(1) & 0x7f;
  const std::size_t more = n == 126 ? 2 : n == 127 ? 8 : 0;
  if (buffer.size() < 2 + more + 4) return 0;
  if (more) n = 0;
  for (std::size_t i = 0; i < more; ++i) n = n << 8 | byte(2 + i);
  if (n > frame_max) return -1;
  const std::size_t begin = 2 + more + 4;
  if (buffer.size() < begin + n) return 0;
  opcode = byte(0) & 15;
  payload = buffer.substr(begin, n);
  for (std::size_t i = 0; i < n; ++i) payload[i] = static_cast<char>(payload[i] ^ buffer[begin - 4 + i % 4]);
  buffer.erase(0, begin + n);
  return 1;
}

/// Answers every whole frame. False: closed, or broken.
bool answer_frames(std::string& buffer, Wire& wire) {
  unsigned opcode = 0;
  std::string payload;
  int taken;
  while ((taken = take_frame(buffer, opcode, payload)) > 0) {
    if (opcode == Close) return wire.write(frame(Close, payload)) && false;
    if (opcode == Ping && !wire.write(frame(Pong, payload))) return false;
    if ((opcode == Text || opcode == Binary) && !wire.write(frame(opcode, payload))) return false;
  }
  return taken == 0;
}

bool talk(Portal& portal, Wire& wire) {
  std::string buffer = wire.take_buffer();
  auto tick = Clock::now();
  char bytes[4096];
  while (!portal.stopping && answer_frames(buffer, wire)) {
    if (Clock::now() >= tick && !portal.hung) {
      if (!wire.write(frame(Text, numbers(portal)))) return false;
      tick = Clock::now() + std::chrono::seconds(1);
    }
    pollfd wait{wire.fd(), POLLIN, 0};
    if (::poll(&wait, 1, 100) <= 0) continue;
    const ssize_t n = ::recv(wire.fd(), bytes, sizeof bytes, 0);
    if (n <= 0) return false;
    buffer.append(bytes, static_cast<std::size_t>(n));
  }
  if (portal.stopping) wire.write(frame(Close, std::string("\x03\xe9", 2)));  // 1001: going away
  return false;
}

}  // namespace

std::string accept_key(const std::string& client_key) {
  return base64(sha1(client_key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
}

bool live(Portal& portal, const Request& request, Wire& wire) {
  const std::string key = request.header("Sec-WebSocket-Key");
  if (key.empty() || request.method != "GET") {
    const Response refused{400, "text/plain", "a WebSocket handshake was expected\n", {}};
    return wire.write(head_of(refused, static_cast<long long>(refused.body.size()), false) + refused.body) &&
           false;
  }
  const bool sent = wire.write(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: " +
      accept_key(key) + "\r\nX-Instance: " + portal.options.name + "\r\n\r\n");
  return sent && talk(portal, wire);
}

std::string numbers(Portal& portal) {
  const char* queues[] = {"Sales", "Support", "Billing", "Priority"};
  const auto now = static_cast<unsigned long>(std::time(nullptr));
  std::string out = "{\"instance\":" + json(portal.options.name) + ",\"queues\":[";
  for (unsigned long q = 0; q < 4; ++q) {
    const unsigned long wave = (now / (3 + q) + q * 7) % 13;
    out += std::string(q ? "," : "") + "{\"name\":" + json(queues[q]) +
           ",\"waiting\":" + std::to_string(wave) +
           ",\"talking\":" + std::to_string(8 + (now / (5 + q)) % 9) +
           ",\"longest\":" + std::to_string(wave ? (now * (q + 1)) % 90 : 0) + "}";
  }
  const Totals totals = portal.store->totals();
  return out + "],\"executed\":" + std::to_string(totals.executed) +
         ",\"posts_twice\":" + std::to_string(totals.posts_twice) +
         ",\"requests\":" + std::to_string(portal.requests.load()) + "}";
}

}  // namespace portal
