// TDS packets (MS-TDS 2.2.3): an eight-byte header, then payload; packets up to one with EOM are a message.
// PacketReader cuts a byte stream into pieces of packets without copying a payload, so that a relay sees
// headers and passes the rest on; MessageReader gathers whole messages where they are small and needed whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace holdfast::tds {

enum class PacketType : std::uint8_t {
  Batch = 1,
  Login6 = 2,
  Rpc = 3,
  Response = 4,
  Attention = 6,
  Bulk = 7,
  FedAuth = 8,
  TransactionManager = 14,
  Login7 = 16,
  Sspi = 17,
  Prelogin = 18,
};

namespace packet_status {  // 2.2.3.1.2
inline constexpr std::uint8_t eom = 0x01, ignore = 0x02, reset_connection = 0x08,
                              reset_connection_skip_tran = 0x10;
}

inline constexpr std::size_t packet_header_size = 8;
inline constexpr std::size_t packet_size_min = 512, packet_size_max = 32767, packet_size_before_login = 4096;

struct PacketHeader {
  PacketType type{};
  std::uint8_t status = 0;
  std::uint16_t length = 0;  ///< header included
  std::uint16_t spid = 0;
  std::uint8_t id = 0;

  bool last() const { return (status & packet_status::eom) != 0; }
};

/// `eight` has packet_header_size bytes. Nullopt where parse_packet_header() says what is wrong.
std::optional<PacketHeader> read_packet_header(Bytes eight, std::size_t longest = packet_size_max);
/// `eight` has packet_header_size bytes. An unknown type, a length under 8 or over `longest` is an error.
Result<PacketHeader> parse_packet_header(Bytes eight, std::size_t longest = packet_size_max);
void append_packet_header(std::string& out, const PacketHeader& header);
/// Appends `payload` as one message, in packets of exactly `packet_size` but for the last (2.2.3: since 7.3 a
/// server disconnects otherwise). `status` goes into the first packet; an empty payload is one empty packet.
void append_message(std::string& out, PacketType type, Bytes payload, std::size_t packet_size,
                    std::uint8_t status = 0, std::uint16_t spid = 0);

class PacketReader {
 public:
  struct Piece {
    PacketHeader header;
    Bytes payload;  ///< some of the packet's, possibly empty
    bool starts = false;  ///< the packet's first piece
    bool ends = false;  ///< the packet's last piece
    bool ends_message() const { return ends && header.last(); }
  };

  /// Packets longer than this are an error. May change between packets.
  void set_longest(std::size_t bytes) { longest_ = bytes; }
  /// Takes from the front of `in`. False: `in` is used up, nothing to report. After an error nothing more
  /// works.
  Result<bool> next(Bytes& in, Piece& piece);
  /// No packet is half read. (A message may be.)
  bool between_packets() const { return header_have_ == 0; }
  /// Bytes to the end of the packet that is half read, or of its header while that is not whole.
  std::size_t missing() const {
    return header_have_ < packet_header_size ? packet_header_size - header_have_ : left_;
  }
  /// For a reader above this one that has seen an error: nothing more works.
  void fail_from_here() { failed_ = true; }

 private:
  char header_bytes_[packet_header_size]{};
  std::size_t header_have_ = 0;
  std::size_t left_ = 0;  // payload bytes of the packet still to come
  bool started_ = false;  // its first piece was given, its last was not
  bool failed_ = false;
  std::size_t longest_ = packet_size_max;
  PacketHeader header_;
};

/// Gathers messages of a limited size. Bytes that it lets go are wiped first: a login is among them.
class MessageReader {
 public:
  explicit MessageReader(std::size_t longest) : longest_(longest) {}
  MessageReader(MessageReader&&) = default;
  MessageReader& operator=(MessageReader&&) = default;
  ~MessageReader() { clear(); }
  /// Packets longer than this are an error. May change between packets.
  void set_longest_packet(std::size_t bytes) { packets_.set_longest(bytes); }
  /// Takes from the front of `in` at most to the end of a message; true: `type`, `status` (of the first
  /// packet) and `payload` are of a whole one, until the next call. A message over the limit is an error.
  Result<bool> next(Bytes& in);
  PacketType type() const { return type_; }
  std::uint8_t status() const { return status_; }
  std::uint16_t spid() const { return spid_; }
  const std::string& payload() const { return payload_; }
  std::string take_payload() { return std::move(payload_); }
  bool empty() const { return packets_.between_packets() && (whole_ || !begun_); }
  /// Whole packets seen of the message that is being gathered.
  std::size_t packets() const { return packets_whole_; }
  /// As PacketReader::missing().
  std::size_t missing() const { return packets_.missing(); }
  /// Forgets the whole message that next() gave, and wipes its bytes.
  void clear();

 private:
  void append(Bytes bytes);
  std::unexpected<Error> refuse(std::string text);

  PacketReader packets_;
  std::size_t longest_;
  std::string payload_;
  PacketType type_{};
  std::uint8_t status_ = 0;
  std::uint16_t spid_ = 0;
  bool begun_ = false;
  bool whole_ = false;
  std::size_t packets_whole_ = 0;
};

}  // namespace holdfast::tds
