// Any bytes as a PROXY header: one answer however they are split, within the limits, and what was read
// can be written and read again.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/proxy_protocol.h"

using namespace holdfast;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(reinterpret_cast<const char*>(data), size);
  auto read = read_proxy_header(bytes);
  for (std::size_t n = 0; n < size && n < 300; ++n) {
    auto part = read_proxy_header(bytes.substr(0, n));
    if (!part)
      CHECK(!read);  // refused early: refused for good
    else if (*part)
      CHECK(read && *read && (*read)->length == (*part)->length);
  }
  if (!read) return 0;
  if (!*read) {
    CHECK(size < 16 + proxy_v2_max);  // nobody waits beyond the limits
    return 0;
  }
  const ProxyHeader& header = **read;
  CHECK(header.length <= size && header.length <= 16 + proxy_v2_max);
  for (unsigned version : {1u, 2u}) {
    std::string out;
    write_proxy_header(version, header.source, header.destination, out);
    auto again = read_proxy_header(out);
    CHECK(again && *again && (*again)->length == out.size());
    CHECK((*again)->local == header.local && (*again)->source == header.source);
  }
  return 0;
}
