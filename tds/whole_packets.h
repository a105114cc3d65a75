// Cuts a byte stream into whole TDS packets. A packet that lies whole in what came is a view into it; only
// one that is split between reads is gathered, so that at most one packet a direction is held. Owned by a
// Conversation.
#pragma once

#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tds/packet.h"

namespace holdfast::tds {

struct WholePacket {
  PacketHeader header;
  Bytes raw;  ///< its header included; valid until the next call
  bool borrowed = false;  ///< `raw` lies in the caller's bytes
  Bytes payload() const { return raw.substr(packet_header_size); }
};

class WholePackets {
 public:
  /// Takes from the front of `in`. False: `in` is used up and no packet is whole. After an error nothing more
  /// works.
  Result<bool> next(Bytes& in, WholePacket& packet);
  /// Forgets a packet in part: its connection is gone.
  void clear() {
    if (!part_.empty()) let_go();
    given_ = false;
  }
  /// Bytes held.
  std::size_t held() const { return given_ ? 0 : part_.size(); }

 private:
  bool keep(Bytes& in);
  void let_go();
  Result<bool> gather(Bytes& in, WholePacket& packet);

  std::string part_;
  bool given_ = false;  // part_ was handed out as a whole packet
};

}  // namespace holdfast::tds
