#include "proxy/access_log_record.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

constexpr std::string_view AccessRecord::* string_members[] = {
    &AccessRecord::listen, &AccessRecord::route,      &AccessRecord::service, &AccessRecord::instance,
    &AccessRecord::method, &AccessRecord::host,       &AccessRecord::target,  &AccessRecord::user_agent,
    &AccessRecord::tls,    &AccessRecord::request_id, &AccessRecord::reasons, &AccessRecord::outcome,
    &AccessRecord::user,   &AccessRecord::application, &AccessRecord::database,
};
static_assert(std::size(string_members) == PackedRecord::strings);

struct Fixed {
  WallTime at;
  Address client;
  std::uint64_t bytes_in, bytes_out;
  Duration total, parked, connect, first_byte;
  unsigned version_minor, status, attempts;
  std::array<std::uint16_t, PackedRecord::strings> lengths;
};
static_assert(std::is_trivially_copyable_v<Fixed>);
static_assert(access_string_max <= UINT16_MAX);

}  // namespace

PackedRecord::PackedRecord(const AccessRecord& r) {
  static_assert(sizeof(Fixed) <= sizeof fixed_);
  Fixed fixed{r.at,      r.client,     r.bytes_in,      r.bytes_out, r.total,    r.parked,
              r.connect, r.first_byte, r.version_minor, r.status,    r.attempts, {}};
  for (std::size_t i = 0; i < strings; ++i) {
    pieces_[i + 1] = (r.*string_members[i]).substr(0, access_string_max);
    fixed.lengths[i] = static_cast<std::uint16_t>(pieces_[i + 1].size());
  }
  std::memcpy(fixed_.data(), &fixed, sizeof fixed);
  pieces_[0] = {fixed_.data(), sizeof fixed};
}

AccessRecord unpack(Bytes packed) {
  Fixed fixed;
  CHECK(packed.size() >= sizeof fixed);
  std::memcpy(&fixed, packed.data(), sizeof fixed);
  packed.remove_prefix(sizeof fixed);
  AccessRecord r;
  r.at = fixed.at;
  r.client = fixed.client;
  r.bytes_in = fixed.bytes_in;
  r.bytes_out = fixed.bytes_out;
  r.total = fixed.total;
  r.parked = fixed.parked;
  r.connect = fixed.connect;
  r.first_byte = fixed.first_byte;
  r.version_minor = fixed.version_minor;
  r.status = fixed.status;
  r.attempts = fixed.attempts;
  for (std::size_t i = 0; i < PackedRecord::strings; ++i) {
    CHECK(packed.size() >= fixed.lengths[i]);
    r.*string_members[i] = packed.substr(0, fixed.lengths[i]);
    packed.remove_prefix(fixed.lengths[i]);
  }
  return r;
}

}  // namespace holdfast
