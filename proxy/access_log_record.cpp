#include "proxy/access_log_record.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

constexpr std::string_view AccessRecord::* string_members[] = {
    &AccessRecord::listen, &AccessRecord::route,       &AccessRecord::service,  &AccessRecord::instance,
    &AccessRecord::method, &AccessRecord::host,        &AccessRecord::target,   &AccessRecord::user_agent,
    &AccessRecord::tls,    &AccessRecord::request_id,  &AccessRecord::reasons,  &AccessRecord::outcome,
    &AccessRecord::user,   &AccessRecord::application, &AccessRecord::database,
};
constexpr std::size_t strings = std::size(string_members);

struct Fixed {
  WallTime at;
  Address client;
  std::uint64_t bytes_in, bytes_out;
  Duration total, parked, connect, first_byte;
  unsigned version_minor, status, attempts;
  std::array<std::uint16_t, strings> lengths;
};
static_assert(std::is_trivially_copyable_v<Fixed>);
static_assert(access_string_max <= UINT16_MAX);

}  // namespace

void pack(const AccessRecord& r, std::string& out) {
  Fixed fixed{r.at,      r.client,     r.bytes_in,      r.bytes_out, r.total,    r.parked,
              r.connect, r.first_byte, r.version_minor, r.status,    r.attempts, {}};
  std::size_t size = sizeof fixed;
  for (std::size_t i = 0; i < strings; ++i) {
    const std::size_t length = std::min((r.*string_members[i]).size(), access_string_max);
    fixed.lengths[i] = static_cast<std::uint16_t>(length);
    size += length;
  }
  out.resize_and_overwrite(size, [&](char* to, std::size_t) {
    std::memcpy(to, &fixed, sizeof fixed);
    to += sizeof fixed;
    for (std::size_t i = 0; i < strings; ++i) {
      if (fixed.lengths[i] == 0) continue;
      std::memcpy(to, (r.*string_members[i]).data(), fixed.lengths[i]);
      to += fixed.lengths[i];
    }
    return size;
  });
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
  for (std::size_t i = 0; i < strings; ++i) {
    CHECK(packed.size() >= fixed.lengths[i]);
    r.*string_members[i] = packed.substr(0, fixed.lengths[i]);
    packed.remove_prefix(fixed.lengths[i]);
  }
  return r;
}

}  // namespace holdfast
