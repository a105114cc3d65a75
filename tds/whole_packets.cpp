#include "tds/whole_packets.h"

#include <algorithm>

namespace holdfast::tds {

Result<bool> WholePackets::next(Bytes& in, WholePacket& packet) {
  if (given_) clear();
  if (!part_.empty()) return gather(in, packet);
  if (in.size() < packet_header_size) {
    part_.assign(in);
    in = {};
    return false;
  }
  const auto header = parse_packet_header(in.substr(0, packet_header_size));
  if (!header) return std::unexpected(header.error());
  if (in.size() < header->length) {
    part_.assign(in);
    in = {};
    return false;
  }
  packet = {*header, in.substr(0, header->length), true};
  in.remove_prefix(header->length);
  return true;
}

Result<bool> WholePackets::gather(Bytes& in, WholePacket& packet) {
  const auto take_up_to = [&](std::size_t size) {
    const Bytes head = in.substr(0, size - std::min(size, part_.size()));
    part_.append(head);
    in.remove_prefix(head.size());
    return part_.size() >= size;
  };
  if (!take_up_to(packet_header_size)) return false;
  const auto header = parse_packet_header(Bytes(part_).substr(0, packet_header_size));
  if (!header) return std::unexpected(header.error());
  if (!take_up_to(header->length)) return false;
  packet = {*header, part_, false};
  given_ = true;
  return true;
}

void WholePackets::clear() {
  part_.clear();
  if (part_.capacity() > packet_size_max) part_.shrink_to_fit();
  given_ = false;
}

}  // namespace holdfast::tds
