// A 64-bit hash of a stream in any split, so that a repeated answer can be compared with what the client
// already has. It guards against accidents, not against an attacker: both answers come from the operator's
// own servers. Every answer that may be repeated goes through it, so it has to keep up with the relaying
// itself: four lanes, each a 64 by 64 bit multiplication folded (as in wyhash).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

class StreamHash {
 public:
  void add(Bytes bytes) {
    length_ += bytes.size();
    if (have_ != 0) {
      const std::size_t n = std::min(bytes.size(), block - have_);
      std::memcpy(part_ + have_, bytes.data(), n);
      bytes.remove_prefix(n);
      have_ += n;
      if (have_ < block) return;
      lanes_ = mixed(lanes_, part_, block);
      have_ = 0;
    }
    const std::size_t whole = bytes.size() / block * block;
    if (whole != 0) lanes_ = mixed(lanes_, bytes.data(), whole);
    bytes.remove_prefix(whole);
    if (bytes.empty()) return;
    std::memcpy(part_, bytes.data(), bytes.size());
    have_ = bytes.size();
  }
  /// Of all bytes so far; more may follow.
  std::uint64_t value() const {
    StreamHash end = *this;
    std::memset(end.part_ + have_, 0, block - have_);
    const Lanes lane = mixed(lanes_, end.part_, block);
    const std::uint64_t halves =
        fold(lane[0] ^ keys[0], lane[1] ^ keys[1]) ^ fold(lane[2] ^ keys[2], lane[3] ^ keys[3]);
    return fold(halves ^ length_, keys[0]);
  }
  std::uint64_t length() const { return length_; }
  void restart() {
    lanes_ = start;
    length_ = have_ = 0;
  }

 private:
  using Lanes = std::array<std::uint64_t, 4>;
  static constexpr std::size_t block = 64;
  // Digits of pi and of the golden ratio; odd, and with as many ones as zeros or nearly.
  static constexpr Lanes keys = {0x9e3779b97f4a7c15u, 0x243f6a8885a308d3u, 0x13198a2e03707345u,
                                 0xa4093822299f31d1u};

  static std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
    __extension__ using Product = unsigned __int128;
    const Product product = static_cast<Product>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  }
  static std::uint64_t word(const char* from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
  // Written out, so that the lanes are in registers also in a build that unrolls nothing. The state is in both
  // factors: with a constant in one of them GCC 12 makes vectors of the rest, and that halves the speed.
  static Lanes mixed(const Lanes& lanes, const char* from, std::size_t size) {
    std::uint64_t a = lanes[0], b = lanes[1], c = lanes[2], d = lanes[3];
    for (const char* const end = from + size; from != end; from += block) {
      a = fold(a ^ word(from), std::rotl(a, 32) ^ word(from + 8));
      b = fold(b ^ word(from + 16), std::rotl(b, 32) ^ word(from + 24));
      c = fold(c ^ word(from + 32), std::rotl(c, 32) ^ word(from + 40));
      d = fold(d ^ word(from + 48), std::rotl(d, 32) ^ word(from + 56));
    }
    return {a, b, c, d};
  }

  static constexpr Lanes start = {keys[1], keys[2], keys[3], keys[0]};

  Lanes lanes_ = start;
  std::uint64_t length_ = 0;
  std::size_t have_ = 0;
  char part_[block];  ///< `have_` bytes of a block that is not whole
};

}  // namespace holdfast::tds
