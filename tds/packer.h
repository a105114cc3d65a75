// Puts payload that comes in pieces into packets of one size: what goes on in other sizes than it came, or is
// not what came. Owned by a Conversation, one a direction.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "tds/packet.h"

namespace holdfast::tds {

class Packer {
 public:
  /// A new message; what was left of the last one is forgotten. `status` goes into the first packet.
  void begin(PacketType type, std::size_t packet_size, std::uint8_t status = 0, std::uint16_t spid = 0);
  /// Whole packets are appended to `out`. A packet is cut only when more follows it, so that the last is
  /// never empty unless the message is.
  void add(Bytes payload, std::string& out);
  /// The last packet, with EOM and `status`.
  void finish(std::string& out, std::uint8_t status = 0);
  std::size_t held() const { return part_.size(); }

 private:
  void cut(std::string& out, std::uint8_t status);

  PacketHeader header_;
  std::size_t room_ = packet_size_before_login - packet_header_size;
  std::string part_;
};

}  // namespace holdfast::tds
