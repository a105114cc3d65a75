// Bounds-checked little-endian cursors: TDS is little-endian inside its packets, big-endian in their headers.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

template <class T>
T load_little(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

/// Reads integers and runs of bytes; after the first short read every read yields nothing.
class LittleReader {
 public:
  explicit LittleReader(Bytes bytes) : begin_(bytes.data()), left_(bytes) {}

  std::optional<std::uint8_t> u8() { return integer<std::uint8_t>(); }
  std::optional<std::uint16_t> u16() { return integer<std::uint16_t>(); }
  std::optional<std::uint32_t> u32() { return integer<std::uint32_t>(); }
  std::optional<std::uint64_t> u64() { return integer<std::uint64_t>(); }
  std::optional<Bytes> bytes(std::size_t n) {
    if (failed_ || left_.size() < n) {
      failed_ = true;
      left_ = {};
      return std::nullopt;
    }
    const Bytes head = left_.substr(0, n);
    left_.remove_prefix(n);
    return head;
  }
  /// B_VARCHAR and US_VARCHAR (MS-TDS 2.2.5.2.2): a count of UTF-16 units, then them. The bytes, not
  /// converted.
  std::optional<Bytes> b_varchar() { return counted(u8()); }
  std::optional<Bytes> us_varchar() { return counted(u16()); }

  Bytes rest() const { return left_; }
  /// Bytes read so far; meaningless after a short read.
  std::size_t at() const { return static_cast<std::size_t>(left_.data() - begin_); }
  bool failed() const { return failed_; }

 private:
  template <class T>
  std::optional<T> integer() {
    if (failed_ || left_.size() < sizeof(T)) {
      failed_ = true;
      left_ = {};
      return std::nullopt;
    }
    const T value = load_little<T>(left_.data());
    left_.remove_prefix(sizeof(T));
    return value;
  }
  template <class T>
  std::optional<Bytes> counted(std::optional<T> units) {
    return units ? bytes(std::size_t{*units} * 2) : std::nullopt;
  }

  const char* begin_;
  Bytes left_;
  bool failed_ = false;
};

/// Appends little-endian integers and bytes to a string that the caller owns.
class LittleWriter {
 public:
  explicit LittleWriter(std::string& out) : out_(out) {}

  LittleWriter& u8(std::uint8_t v) { return integer(v); }
  LittleWriter& u16(std::uint16_t v) { return integer(v); }
  LittleWriter& u32(std::uint32_t v) { return integer(v); }
  LittleWriter& u64(std::uint64_t v) { return integer(v); }
  LittleWriter& bytes(Bytes b) {
    out_.append(b);
    return *this;
  }
  /// UTF-16LE bytes behind their count of units; the caller has bounded them (255 and 65535 units).
  LittleWriter& b_varchar(Bytes utf16) {
    return u8(static_cast<std::uint8_t>(utf16.size() / 2)).bytes(utf16);
  }
  LittleWriter& us_varchar(Bytes utf16) {
    return u16(static_cast<std::uint16_t>(utf16.size() / 2)).bytes(utf16);
  }

 private:
  template <class T>
  LittleWriter& integer(T v) {
    for (std::size_t i = 0; i < sizeof(T); ++i)
      out_.push_back(static_cast<char>(static_cast<std::uint64_t>(v) >> (8 * i) & 0xff));
    return *this;
  }

  std::string& out_;
};

/// UTF-8 to UTF-16LE bytes and back. What is not valid becomes U+FFFD; an odd last byte is dropped.
std::string to_utf16(std::string_view utf8);
std::string to_utf8(Bytes utf16);

}  // namespace holdfast::tds
