#include "tds/packer.h"

#include <algorithm>

namespace holdfast::tds {

void Packer::begin(PacketType type, std::size_t packet_size, std::uint8_t status, std::uint16_t spid) {
  header_ = {type, status, 0, spid, 1};
  room_ = std::clamp(packet_size, packet_size_min, packet_size_max) - packet_header_size;
  part_.clear();
}

void Packer::add(Bytes payload, std::string& out) {
  while (!payload.empty()) {
    if (part_.size() == room_) cut(out, 0);
    const Bytes head = payload.substr(0, room_ - part_.size());
    part_.append(head);
    payload.remove_prefix(head.size());
  }
}

void Packer::finish(std::string& out, std::uint8_t status) {
  cut(out, static_cast<std::uint8_t>(status | packet_status::eom));
}

void Packer::cut(std::string& out, std::uint8_t status) {
  header_.status = static_cast<std::uint8_t>(header_.status | status);
  header_.length = static_cast<std::uint16_t>(part_.size() + packet_header_size);
  append_packet_header(out, header_);
  out.append(part_);
  part_.clear();
  header_.status = 0;
  ++header_.id;
}

}  // namespace holdfast::tds
