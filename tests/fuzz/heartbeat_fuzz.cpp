// Any bytes as a heartbeat: as they came they are refused, and signed with the right key they are read strictly
// and come back the same.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/base/crypto.h"
#include "vrrp/heartbeat.h"

using namespace holdfast;
using namespace holdfast::vrrp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string key(32, 'k'), other(32, 'o');
  Bytes bytes(reinterpret_cast<const char*>(data), size);
  CHECK(!decode_heartbeat(bytes, other));

  std::string body(bytes);
  const Digest digest = hmac_sha256(key, body);
  body.append(reinterpret_cast<const char*>(digest.data()), 16);
  auto read = decode_heartbeat(body, key);
  if (!read) {
    CHECK(read.error().text != "authentication");
    return 0;
  }
  CHECK(read->claims.size() <= max_claims);
  for (const Claim& claim : read->claims) CHECK(!claim.group.empty() && claim.group.size() <= max_group_name);
  CHECK(encode(*read, key) == body);
  return 0;
}
