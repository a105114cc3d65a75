// An AccessRecord as bytes for the ring: its numbers as they stand in memory, then its strings. It
// never leaves the process, so that the layout is nobody's business. Strings are cut to a length that
// keeps one hostile request from filling the ring.
#pragma once

#include <array>
#include <span>
#include <string>

#include "proxy/access_log.h"
#include "proxy/base/bytes.h"

namespace holdfast {

inline constexpr std::size_t access_string_max = 4096;  ///< bytes of each string that are kept

/// Views into the record and into itself; both must outlive it.
class PackedRecord {
 public:
  explicit PackedRecord(const AccessRecord& record);
  PackedRecord(const PackedRecord&) = delete;
  PackedRecord& operator=(const PackedRecord&) = delete;
  std::span<const Bytes> pieces() const { return pieces_; }

  static constexpr std::size_t strings = 15;

 private:
  alignas(8) std::array<char, 192> fixed_;
  std::array<Bytes, strings + 1> pieces_;
};

/// The opposite; views point into `packed`, which must be the joined pieces of a PackedRecord.
AccessRecord unpack(Bytes packed);

}  // namespace holdfast
