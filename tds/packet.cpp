#include "tds/packet.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/base/secret.h"

namespace holdfast::tds {

namespace {

bool known(std::uint8_t type) {
  switch (static_cast<PacketType>(type)) {
    case PacketType::Batch:
    case PacketType::Login6:
    case PacketType::Rpc:
    case PacketType::Response:
    case PacketType::Attention:
    case PacketType::Bulk:
    case PacketType::FedAuth:
    case PacketType::TransactionManager:
    case PacketType::Login7:
    case PacketType::Sspi:
    case PacketType::Prelogin: return true;
  }
  return false;
}

}  // namespace

Result<PacketHeader> parse_packet_header(Bytes eight, std::size_t longest) {
  Reader in(eight);
  const auto type = in.u8(), status = in.u8();
  const auto length = in.u16(), spid = in.u16();
  const auto id = in.u8(), window = in.u8();
  if (!window) return fail(Blame::Client, "TDS packet header cut short");
  if (!known(*type)) return fail(Blame::Client, "unknown TDS packet type " + std::to_string(*type));
  if (*length < packet_header_size || *length > longest)
    return fail(Blame::Client, "TDS packet of " + std::to_string(*length) + " bytes");
  return PacketHeader{static_cast<PacketType>(*type), *status, *length, *spid, *id};
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
