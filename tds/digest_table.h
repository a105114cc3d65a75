// What was asked, by statement digest: counts, errors, rows, bytes and a latency histogram for each, in
// bounded memory. One table belongs to one loop and one service and is updated there; for a report the tables
// of all loops are summed. When a table is full its rarest statement gives way and is added to the row
// "(others)", so that the sums over all rows stay true.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast::tds {

/// Latencies in buckets of an eighth of a power of two, from 1 us to about 18 minutes: a quantile is at most
/// 12.5 % too high.
class LatencyHistogram {
 public:
  static constexpr std::size_t buckets = 224;
  void record(Duration took);
  void add(const LatencyHistogram& other);
  /// The upper edge of the bucket that holds it, but never over max(); zero of nothing. `share` is 0 to 1.
  Duration quantile(double share) const;
  Duration max() const { return max_; }
  std::uint64_t count() const { return count_; }

 private:
  std::array<std::uint32_t, buckets> counts_{};  ///< each stays at its largest value
  std::uint64_t count_ = 0;
  Duration max_{};
};

/// One answered request. `text` is looked at only when the digest is new.
struct DigestSample {
  std::uint64_t digest = 0;
  std::string_view text;
  bool error = false, repeated = false;
  Duration took{}, held{};
  std::uint64_t rows = 0, bytes_in = 0, bytes_out = 0;
};

struct DigestRow {
  std::uint64_t digest = 0;  ///< 0: "(others)"
  std::string text;
  std::uint64_t count = 0, errors = 0, repeated = 0,
                held = 0;  ///< repeated on another instance; held for a primary
  std::uint64_t rows = 0, bytes_in = 0, bytes_out = 0;
  Duration took{};  ///< in all
  Instant last_seen;
  LatencyHistogram latency;
  void add(const DigestRow& other);
};

class DigestTable {
 public:
  /// `rows_max` statements, of `text_max` bytes of text each. Zero rows: all go to "(others)".
  explicit DigestTable(std::size_t rows_max, std::size_t text_max = 1024);
  DigestTable(DigestTable&&) noexcept;
  DigestTable& operator=(DigestTable&&) noexcept;
  ~DigestTable();

  void record(const DigestSample& sample, Instant now);
  /// Adds all of another loop's rows; this table's bound holds.
  void add(const DigestTable& other);
  void clear();

  /// Every row, most time in all first; "(others)" last if it is not empty.
  std::vector<const DigestRow*> rows() const;
  const DigestRow* find(std::uint64_t digest) const;
  std::size_t size() const { return rows_.size(); }
  /// Bytes that the table may come to hold: about 1.1 KiB a row, and its text.
  static std::size_t memory_max(std::size_t rows_max, std::size_t text_max);
  std::size_t memory() const;

 private:
  DigestRow& row(std::uint64_t digest, std::string_view text);
  void evict();

  std::size_t rows_max_, text_max_;
  std::unordered_map<std::uint64_t, std::unique_ptr<DigestRow>> rows_;
  std::vector<DigestRow*> order_;  ///< the same rows, for sampling
  std::size_t hand_ = 0;  ///< where the next search for a rare one begins
  DigestRow others_;
};

}  // namespace holdfast::tds
