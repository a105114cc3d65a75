#include "tds/packet.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/base/secret.h"

namespace holdfast::tds {

namespace {

constexpr std::uint32_t bit(PacketType type) { return 1u << static_cast<unsigned>(type); }
constexpr std::uint32_t known_types =
    bit(PacketType::Batch) | bit(PacketType::Login6) | bit(PacketType::Rpc) | bit(PacketType::Response) |
    bit(PacketType::Attention) | bit(PacketType::Bulk) | bit(PacketType::FedAuth) |
    bit(PacketType::TransactionManager) | bit(PacketType::Login7) | bit(PacketType::Sspi) |
    bit(PacketType::Prelogin);

bool known(std::uint8_t type) { return type < 32 && (known_types >> type & 1) != 0; }

}  // namespace

std::optional<PacketHeader> read_packet_header(Bytes eight, std::size_t longest) {
  if (eight.size() < packet_header_size) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(eight[i]); };
  const auto word = [&](std::size_t i) { return static_cast<std::uint16_t>(byte(i) << 8 | byte(i + 1)); };
  const PacketHeader header{static_cast<PacketType>(byte(0)), byte(1), word(2), word(4), byte(6)};
  if (!known(byte(0)) || header.length < packet_header_size || header.length > longest) return std::nullopt;
  return header;
}

Result<PacketHeader> parse_packet_header(Bytes eight, std::size_t longest) {
  if (const auto header = read_packet_header(eight, longest)) return *header;
  if (eight.size() < packet_header_size) return fail(Blame::Client, "TDS packet header cut short");
  const auto type = static_cast<std::uint8_t>(eight[0]);
  if (!known(type)) return fail(Blame::Client, "unknown TDS packet type " + std::to_string(type));
  const unsigned length = static_cast<std::uint8_t>(eight[2]) << 8 | static_cast<std::uint8_t>(eight[3]);
  return fail(Blame::Client, "TDS packet of " + std::to_string(length) + " bytes");
}

void append_packet_header(std::string& out, const PacketHeader& header) {
  Writer(out)
      .u8(static_cast<std::uint8_t>(header.type))
      .u8(header.status)
      .u16(header.length)
      .u16(header.spid)
      .u8(header.id)
      .u8(0);
}

void append_message(std::string& out, PacketType type, Bytes payload, std::size_t packet_size,
                    std::uint8_t status, std::uint16_t spid) {
  CHECK(packet_size >= packet_size_min && packet_size <= packet_size_max);
  const std::size_t room = packet_size - packet_header_size;
  out.reserve(out.size() + payload.size() + (payload.size() / room + 1) * packet_header_size);
  std::uint8_t id = 1;
  do {
    const Bytes head = payload.substr(0, room);
    payload.remove_prefix(head.size());
    const std::uint8_t end = payload.empty() ? packet_status::eom : 0;
    const auto length = static_cast<std::uint16_t>(head.size() + packet_header_size);
    append_packet_header(out, {type, static_cast<std::uint8_t>(status | end), length, spid, id++});
    out.append(head);
    status = 0;
  } while (!payload.empty());
}

Result<bool> PacketReader::next(Bytes& in, Piece& piece) {
  if (failed_) return fail(Blame::Client, "TDS packets are out of step");
  bool starts = false;
  if (left_ == 0 && !started_) {
    const std::size_t n = std::min(in.size(), packet_header_size - header_have_);
    if (n == 0) return false;
    std::memcpy(header_bytes_ + header_have_, in.data(), n);
    header_have_ += n;
    in.remove_prefix(n);
    if (header_have_ < packet_header_size) return false;
    auto header = parse_packet_header({header_bytes_, packet_header_size}, longest_);
    if (!header) {
      failed_ = true;
      return std::unexpected(std::move(header).error());
    }
    header_ = *header;
    left_ = header_.length - packet_header_size;
    starts = started_ = true;
  }
  const std::size_t n = std::min(in.size(), left_);
  if (n == 0 && !starts) return false;
  piece = {header_, in.substr(0, n), starts, n == left_};
  in.remove_prefix(n);
  left_ -= n;
  if (left_ == 0) {
    started_ = false;
    header_have_ = 0;
  }
  return true;
}

// A login's bytes hold its password: what is outgrown is wiped, not only freed.
void MessageReader::append(Bytes bytes) {
  if (payload_.size() + bytes.size() > payload_.capacity()) {
    std::string roomier;
    roomier.reserve(std::min(longest_, std::max(payload_.capacity() * 2, payload_.size() + bytes.size())));
    roomier.append(payload_);
    payload_.swap(roomier);
    wipe(roomier);
  }
  payload_.append(bytes);
}

Result<bool> MessageReader::next(Bytes& in) {
  if (whole_) clear();
  PacketReader::Piece piece;
  for (;;) {
    const auto got = packets_.next(in, piece);
    if (!got || !*got) return got;
    if (!begun_) {
      begun_ = true;
      type_ = piece.header.type;
      status_ = piece.header.status;
      spid_ = piece.header.spid;
    }
    if (piece.header.type != type_) return refuse("TDS message of two packet types");
    if (payload_.size() + piece.payload.size() > longest_)
      return refuse("TDS message over " + std::to_string(longest_) + " bytes");
    append(piece.payload);
    if (piece.ends) ++packets_whole_;
    if (piece.ends_message()) {
      whole_ = true;
      return true;
    }
  }
}

std::unexpected<Error> MessageReader::refuse(std::string text) {
  packets_.fail_from_here();
  return fail(Blame::Client, std::move(text));
}

void MessageReader::clear() {
  wipe(payload_);
  whole_ = begun_ = false;
  packets_whole_ = 0;
}

}  // namespace holdfast::tds
