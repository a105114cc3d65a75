// Any bytes on the peer channel: the same messages however they are split, and each is written as it was read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/check.h"
#include "vrrp/message.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

struct Read {
  std::vector<std::string> messages;
  bool failed = false;
  bool operator==(const Read&) const = default;
};

Read read_in_pieces(Bytes bytes, std::size_t piece) {
  MessageReader reader;
  Read read;
  while (!read.failed && !bytes.empty()) {
    reader.feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (;;) {
      auto next = reader.next();
      if (!next) read.failed = true;
      if (!next || !*next) break;
      read.messages.push_back(encode(**next));
    }
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(reinterpret_cast<const char*>(data), size);
  const Read whole = read_in_pieces(bytes, size + 1);
  CHECK(read_in_pieces(bytes, 7) == whole);
  if (size < 512) CHECK(read_in_pieces(bytes, 1) == whole);
  Bytes rest = bytes;
  for (const std::string& message : whole.messages) {
    CHECK(rest.starts_with(message));
    rest.remove_prefix(message.size());
  }
  return 0;
}
