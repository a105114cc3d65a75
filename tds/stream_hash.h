// A 64-bit hash of a stream in any split, so that a repeated answer can be compared with what the client
// already has. It guards against accidents, not against an attacker: both answers come from the operator's
// own servers.
#pragma once

#include <cstdint>
#include <cstring>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

class StreamHash {
 public:
  void add(Bytes bytes) {
    length_ += bytes.size();
    while (!bytes.empty()) {
      if (have_ == 0 && bytes.size() >= sizeof word_) {
        std::uint64_t word;
        std::memcpy(&word, bytes.data(), sizeof word);
        mix(word);
        bytes.remove_prefix(sizeof word);
        continue;
      }
      word_ |= std::uint64_t{static_cast<unsigned char>(bytes.front())} << (8 * have_);
      bytes.remove_prefix(1);
      if (++have_ < sizeof word_) continue;
      mix(word_);
      word_ = 0;
      have_ = 0;
    }
  }
  /// Of all bytes so far; more may follow.
  std::uint64_t value() const {
    StreamHash end = *this;
    end.mix(word_);
    end.mix(length_);
    return end.state_;
  }
  std::uint64_t length() const { return length_; }

 private:
  // Multiply and fold: every bit of a word reaches the upper half, and the shift brings it down again.
  void mix(std::uint64_t word) {
    state_ = (state_ ^ word) * 0x9e3779b97f4a7c15u;
    state_ ^= state_ >> 29;
  }

  std::uint64_t state_ = 0x243f6a8885a308d3u, word_ = 0, length_ = 0;
  unsigned have_ = 0;
};

}  // namespace holdfast::tds
