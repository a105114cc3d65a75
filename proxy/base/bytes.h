// Bytes are borrowed views; who owns them is said where they are handed over. Reader and Writer are
// the bounds-checked big-endian cursors used by binary decoders and encoders.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast {

/// Borrowed bytes, text or binary. Valid only as long as the owner says.
using Bytes = std::string_view;

/// Reads fixed-width integers and runs of bytes; after the first short read every read yields nothing.
class Reader {
 public:
  explicit Reader(Bytes bytes) : left_(bytes) {}

  std::optional<std::uint8_t> u8() { return integer<std::uint8_t>(); }
  std::optional<std::uint16_t> u16() { return integer<std::uint16_t>(); }
  std::optional<std::uint32_t> u32() { return integer<std::uint32_t>(); }
  std::optional<Bytes> bytes(std::size_t n) {
    if (left_.size() < n) {
      left_ = {};
      return std::nullopt;
    }
    Bytes head = left_.substr(0, n);
    left_.remove_prefix(n);
    return head;
  }
  Bytes rest() const { return left_; }

 private:
  template <class T>
  std::optional<T> integer() {
    auto raw = bytes(sizeof(T));
    if (!raw) return std::nullopt;
    T value = 0;
    for (char c : *raw) value = static_cast<T>(static_cast<std::uint64_t>(value) << 8 | static_cast<unsigned char>(c));
    return value;
  }

  Bytes left_;
};

/// Appends big-endian integers and bytes to a string that the caller owns.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& u8(std::uint8_t v) { return integer(v); }
  Writer& u16(std::uint16_t v) { return integer(v); }
  Writer& u32(std::uint32_t v) { return integer(v); }
  Writer& bytes(Bytes b) {
    out_.append(b);
    return *this;
  }

 private:
  template <class T>
  Writer& integer(T v) {
    for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8)
      out_.push_back(static_cast<char>(v >> shift & 0xff));
    return *this;
  }

  std::string& out_;
};

}  // namespace holdfast
