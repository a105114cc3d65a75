// The fields of the pair's own protocol, heartbeat and peer channel alike: big-endian numbers, names and
// texts with their length in front. Writer and reader have the same methods, so that one function names the
// fields of a message for both directions. The reader is strict and stays failed after the first wrong field.
// Only for the codecs of vrrp/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "vrrp/heartbeat.h"

namespace holdfast::vrrp {

inline constexpr std::size_t max_line = 1000;  ///< bytes of a sentence for people

class FieldWriter {
 public:
  template <class T>
  using Field = const T;

  explicit FieldWriter(std::string& out) : writer_(out) {}

  void number(std::uint8_t v) { writer_.u8(v); }
  void number(std::uint16_t v) { writer_.u16(v); }
  void number(std::uint32_t v) { writer_.u32(v); }
  void number(std::uint64_t v) {
    writer_.u32(static_cast<std::uint32_t>(v >> 32)).u32(static_cast<std::uint32_t>(v));
  }
  void number(std::int64_t v) { number(static_cast<std::uint64_t>(v)); }
  void flag(bool v) { writer_.u8(v ? 1 : 0); }
  template <class Enum>
  void choice(Enum v, Enum) {
    writer_.u8(static_cast<std::uint8_t>(v));
  }
  void name(const std::string& v, std::size_t max, bool) {
    writer_.u8(static_cast<std::uint8_t>(v.size() > max ? max : v.size())).bytes(Bytes(v).substr(0, max));
  }
  void line(const std::string& v);
  void text(const std::string& v) { writer_.u32(static_cast<std::uint32_t>(v.size())).bytes(v); }
  void exactly(const std::string& v, std::size_t) { writer_.bytes(v); }
  template <class T, class Each>
  void list(const std::vector<T>& items, std::size_t max, Each each) {
    std::size_t count = items.size() > max ? max : items.size();
    writer_.u16(static_cast<std::uint16_t>(count));
    for (std::size_t i = 0; i < count; ++i) each(*this, items[i]);
  }

 private:
  Writer writer_;
};

class FieldReader {
 public:
  template <class T>
  using Field = T;

  explicit FieldReader(Bytes bytes) : reader_(bytes) {}

  void number(std::uint8_t& v) { take(reader_.u8(), v); }
  void number(std::uint16_t& v) { take(reader_.u16(), v); }
  void number(std::uint32_t& v) { take(reader_.u32(), v); }
  void number(std::uint64_t& v);
  void number(std::int64_t& v);
  void flag(bool& v);  ///< 0 or 1
  template <class Enum>
  void choice(Enum& v, Enum last) {
    std::uint8_t raw = 0;
    number(raw);
    if (raw > static_cast<std::uint8_t>(last)) ok_ = false;
    if (ok_) v = static_cast<Enum>(raw);
  }
  /// One byte of length; printable, because names are logged as they stand.
  void name(std::string& v, std::size_t max, bool may_be_empty);
  void line(std::string& v);  ///< two bytes of length, at most max_line, no control characters
  void text(std::string& v);  ///< four bytes of length, any bytes
  void exactly(std::string& v, std::size_t size);
  template <class T, class Each>
  void list(std::vector<T>& items, std::size_t max, Each each) {
    std::uint16_t count = 0;
    number(count);
    if (count > max) ok_ = false;
    for (std::size_t i = 0; ok_ && i < count; ++i) each(*this, items.emplace_back());
  }

  bool ok() const { return ok_; }
  bool whole() const { return ok_ && reader_.rest().empty(); }  ///< and nothing is left over

 private:
  template <class From, class To>
  void take(const From& from, To& to) {
    if (ok_ && from)
      to = To(*from);
    else
      ok_ = false;
  }
  void printable(const std::string& v);

  Reader reader_;
  bool ok_ = true;
};

/// A claim, the same in a heartbeat and in a message; for both directions.
template <class Codec>
void claim_fields(Codec& codec, typename Codec::template Field<Claim>& claim) {
  codec.name(claim.group, max_group_name, false);
  codec.choice(claim.role, Role::Lingering);
  codec.choice(claim.fitness, Fitness::Fit);
  codec.number(claim.priority);
  codec.number(claim.epoch);
}

}  // namespace holdfast::vrrp
