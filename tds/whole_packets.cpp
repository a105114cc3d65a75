#include "tds/whole_packets.h"

#include <algorithm>

namespace holdfast::tds {

Result<bool> WholePackets::next(Bytes& in, WholePacket& packet) {
  if (given_) clear();
  if (in.empty()) return false;
  if (!part_.empty()) return gather(in, packet);
  if (in.size() < packet_header_size) return keep(in);
  const auto header = read_packet_header(in.substr(0, packet_header_size));
  if (!header) return std::unexpected(parse_packet_header(in.substr(0, packet_header_size)).error());
  if (in.size() < header->length) return keep(in);
  packet = {*header, in.substr(0, header->length), true};
  in.remove_prefix(header->length);
  return true;
}

bool WholePackets::keep(Bytes& in) {
  part_.assign(in);
  in = {};
  return false;
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

void WholePackets::let_go() {
  part_.clear();
  if (part_.capacity() > packet_size_max) part_.shrink_to_fit();
}

}  // namespace holdfast::tds
