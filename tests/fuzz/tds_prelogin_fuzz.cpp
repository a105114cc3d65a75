// Any bytes as PRELOGIN: what is read and written again reads the same.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "tds/prelogin.h"

using namespace holdfast;
using namespace holdfast::tds;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = parse_prelogin(Bytes(reinterpret_cast<const char*>(data), size));
  if (!read) return 0;
  std::string written;
  append_prelogin(written, *read);
  const auto again = parse_prelogin(written);
  CHECK(again);
  CHECK(again->version == read->version && again->sub_build == read->sub_build);
  CHECK(again->encryption == read->encryption && again->instance == read->instance);
  CHECK(again->thread == read->thread && again->mars == read->mars);
  CHECK(again->trace == read->trace && again->nonce == read->nonce);
  CHECK(again->fed_auth_required == read->fed_auth_required);
  std::string twice;
  append_prelogin(twice, *again);
  CHECK(twice == written);
  return 0;
}
