#include "tds/driver_channel.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace holdfast::tds {
namespace {

constexpr std::size_t record_header = 5;
constexpr std::size_t record_max = 16384 + 2048;  // RFC 5246 section 6.2.3
constexpr std::size_t plain_max = 16384;

// Sessions of one thread take turns, and none keeps a view beyond its turn.
std::vector<char>& plain_buffer() {
  thread_local std::vector<char> own(plain_max);
  return own;
}

std::size_t record_length(Bytes header) {
  return static_cast<std::size_t>(static_cast<unsigned char>(header[3])) << 8 |
         static_cast<unsigned char>(header[4]);
}

}  // namespace

void Channel::wipe() {
  if (plain_ > 0) explicit_bzero(plain_buffer().data(), plain_);
  plain_ = 0;
}

Result<bool> Channel::next(Bytes& raw, Piece& piece) {
  wipe();
  piece = {};
  if (raw.empty()) return false;
  if (shaking_) return shake(raw, piece);
  if (tls_) return open_record(raw, piece);
  piece.plain = raw;
  raw = {};
  return true;
}

Result<bool> Channel::shake(Bytes& raw, Piece& piece) {
  PacketReader::Piece packet;
  for (;;) {
    auto more = packets_.next(raw, packet);
    if (!more) return std::unexpected(more.error());
    if (!*more) return false;
    if (packet.header.type != PacketType::Prelogin && packet.header.type != PacketType::Response)
      return fail(Blame::Client, "a packet of another type within the TLS handshake");
    if (auto fed = feed_handshake(packet.payload, piece.handshake_done); !fed)
      return std::unexpected(fed.error());
    // What follows the last handshake packet is records without packets around them.
    if (piece.handshake_done) return true;
  }
}

Status Channel::feed_handshake(Bytes bytes, bool& done) {
  do {
    std::string out;
    auto step = tls_->feed(bytes, plain_buffer().data(), plain_buffer().size(), out);
    if (!out.empty()) {
      std::string packets;
      append_message(packets, PacketType::Prelogin, out, packet_size_before_login);
      stream_.write(packets);
    }
    if (!step) return std::unexpected(step.error());
    if (step->closed) return fail(Blame::Client, "TLS ended in its handshake");
    bytes.remove_prefix(step->taken);
    if (step->handshake_done) {
      done = true;
      shaking_ = false;
      if (!bytes.empty()) return fail(Blame::Client, "bytes behind the TLS handshake in its last packet");
      return {};
    }
    if (step->taken == 0) break;
  } while (!bytes.empty());
  return {};
}

Result<bool> Channel::open_record(Bytes& raw, Piece& piece) {
  const auto take = [&](std::size_t until) {
    const std::size_t n = std::min(raw.size(), until - std::min(until, record_.size()));
    record_.append(raw.substr(0, n));
    raw.remove_prefix(n);
    return record_.size() >= until;
  };
  if (!take(record_header)) return false;
  const std::size_t length = record_length(record_);
  if (length > record_max) return fail(Blame::Client, "a TLS record over its limit");
  if (!take(record_header + length)) return false;
  std::string out;
  auto step = tls_->feed(record_, plain_buffer().data(), plain_buffer().size(), out);
  record_.clear();
  if (!out.empty()) stream_.write(out);
  if (!step) return std::unexpected(step.error());
  plain_ = step->plain;
  piece.plain = Bytes(plain_buffer().data(), step->plain);
  piece.closed = step->closed;
  return true;
}

Status Channel::send(Bytes plain) {
  if (plain.empty()) return {};
  if (!secure()) {
    stream_.write(plain);
    return {};
  }
  std::string out;
  if (auto sealed = tls_->encrypt(plain, out); !sealed) return sealed;
  stream_.write(out);
  return {};
}

Status Channel::start_tls(std::unique_ptr<io::TlsSession> session, bool client) {
  tls_ = std::move(session);
  tls_->limit_to_tls12();
  shaking_ = true;
  bool done = false;
  return client ? feed_handshake({}, done) : Status();
}

void Channel::end_tls() {
  tls_.reset();
  shaking_ = false;
}

}  // namespace holdfast::tds
