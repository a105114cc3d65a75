// Any bytes as LOGIN7, and as the session state that its features carry: what is read and written again reads the
// same.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "tds/login7.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

void login(Bytes bytes) {
  const auto read = parse_login7(bytes);
  if (!read) return;
  CHECK(read->features.size() <= features_max && read->password.size() <= 256 &&
        read->sspi.size() <= bytes.size());
  const Secret written = build_login7(*read);
  if (written.size() > login7_max) return;  // fields that lay over each other have been laid out apart
  const auto again = parse_login7(written.reveal());
  CHECK(again);
  CHECK(again->version == read->version && again->flags3 == read->flags3);
  CHECK(again->host == read->host && again->user == read->user && again->database == read->database);
  CHECK(again->password.reveal() == read->password.reveal());
  CHECK(again->new_password.reveal() == read->new_password.reveal());
  CHECK(again->sspi == read->sspi && again->client_id == read->client_id);
  CHECK(again->features.size() == read->features.size());
  CHECK(build_login7(*again).reveal() == written.reveal());
}

void recovery(Bytes bytes) {
  const auto read = parse_recovery_data(bytes);
  if (!read) return;
  const std::string written = build_recovery_data(read->first, read->second);
  const auto again = parse_recovery_data(written);
  CHECK(again);
  CHECK(build_recovery_data(again->first, again->second) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const char*>(data), size);
  login(bytes);
  recovery(bytes);
  // A length that is right for once, so that what lies behind it is reached.
  if (size >= 4) {
    std::string fitting(bytes);
    for (int i = 0; i < 4; ++i)
      fitting[static_cast<std::size_t>(i)] = static_cast<char>(size >> (8 * i) & 0xff);
    login(fitting);
  }
  return 0;
}
