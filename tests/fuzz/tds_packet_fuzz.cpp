// Any bytes as TDS packets, cut anywhere: pieces give back the bytes that came, a message is the same however it is
// cut, none is over its limit, and what is written in packets is read back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/check.h"
#include "tds/all_headers.h"
#include "tds/packet.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr std::size_t message_max = 1000;

void pieces(Bytes bytes, std::size_t step) {
  PacketReader reader;
  std::string again;
  bool good = true;
  for (std::size_t at = 0; good && at < bytes.size(); at += step) {
    Bytes part = bytes.substr(at, step);
    PacketReader::Piece piece;
    for (;;) {
      const auto got = reader.next(part, piece);
      good = got.has_value();
      if (!good || !*got) break;
      if (piece.starts) {
        append_packet_header(again, piece.header);
        again.back() = bytes[again.size() - 1];  // the window is not read, and written as zero
      }
      again += piece.payload;
      CHECK(!piece.ends || reader.between_packets());
    }
    CHECK(!good || part.empty());
  }
  CHECK(bytes.starts_with(again));
}

std::vector<std::string> messages(Bytes bytes, std::size_t step) {
  MessageReader reader(message_max);
  std::vector<std::string> out;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    Bytes part = bytes.substr(at, step);
    for (;;) {
      const auto whole = reader.next(part);
      CHECK(reader.payload().size() <= message_max);
      if (!whole) return out;
      if (!*whole) break;
      out.push_back(reader.payload());
    }
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const char*>(data), size);
  pieces(bytes, 1);
  pieces(bytes, std::max<std::size_t>(size, 1));
  CHECK(messages(bytes, 1) == messages(bytes, std::max<std::size_t>(size, 1)));
  CHECK(messages(bytes, 1) == messages(bytes, 7));

  std::string packets;
  append_message(packets, PacketType::Batch, bytes, 512 + size % 100);
  MessageReader reader(std::max<std::size_t>(size, 1));
  Bytes in = packets;
  CHECK(reader.next(in) == true && in.empty());
  CHECK(reader.payload() == bytes);

  if (const auto headers = parse_all_headers(bytes)) {
    CHECK(headers->size <= size && headers->size <= all_headers_max);
    CHECK(headers->descriptor_at == 0 || headers->descriptor_at + 8 <= headers->size);
  }
  return 0;
}
