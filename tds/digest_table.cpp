#include "tds/digest_table.h"

#include <algorithm>
#include <bit>

namespace holdfast::tds {
namespace {

constexpr std::size_t sub_bits = 3;      // eight buckets to each power of two
constexpr std::size_t candidates = 16;   // rows looked at when one must give way
constexpr std::size_t map_node = 64;  // bytes of the hash table for a row: node, bucket and order, rounded up

std::size_t bucket_of(std::uint64_t us) {
  if (us < 8) return us;
  const auto power = static_cast<std::size_t>(std::bit_width(us)) - 1;
  const auto sub = static_cast<std::size_t>(us >> (power - sub_bits) & 7);
  return std::min((power - sub_bits + 1) * 8 + sub, LatencyHistogram::buckets - 1);
}

/// The least microseconds that are past the bucket.
std::uint64_t edge_of(std::size_t bucket) {
  if (bucket < 8) return bucket + 1;
  const std::size_t power = bucket / 8 - 1;
  return (8 + bucket % 8 + 1) << power;
}

std::string_view cut(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (text[most] & 0xc0) == 0x80) --most;  // not in the midst of a character
  return text.substr(0, most);
}

}  // namespace

void LatencyHistogram::record(Duration took) {
  took = std::max(took, Duration{});
  std::uint32_t& n = counts_[bucket_of(static_cast<std::uint64_t>(took.to_micros()))];
  if (n != UINT32_MAX) ++n;
  ++count_;
  max_ = std::max(max_, took);
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  for (std::size_t i = 0; i < buckets; ++i)
    counts_[i] = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(UINT32_MAX, std::uint64_t{counts_[i]} + other.counts_[i]));
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration LatencyHistogram::quantile(double share) const {
  std::uint64_t all = 0;
  for (std::uint32_t n : counts_) all += n;
  if (all == 0) return {};
  const double wanted = std::clamp(share, 0.0, 1.0) * static_cast<double>(all);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i + 1 < buckets; ++i) {
    seen += counts_[i];
    if (seen != 0 && static_cast<double>(seen) >= wanted)
      return std::min(max_, Duration::micros(static_cast<std::int64_t>(edge_of(i))));
  }
  return max_;
}

void DigestRow::add(const DigestRow& other) {
  count += other.count;
  errors += other.errors;
  repeated += other.repeated;
  held += other.held;
  rows += other.rows;
  bytes_in += other.bytes_in;
  bytes_out += other.bytes_out;
  took = took + other.took;
  last_seen = std::max(last_seen, other.last_seen);
  latency.add(other.latency);
}

DigestTable::DigestTable(std::size_t rows_max, std::size_t text_max)
    : rows_max_(rows_max), text_max_(text_max) {
  others_.text = "(others)";
}
DigestTable::DigestTable(DigestTable&&) noexcept = default;
DigestTable& DigestTable::operator=(DigestTable&&) noexcept = default;
DigestTable::~DigestTable() = default;

/// Of a few rows, one after the other round the table, the one asked least goes; of two the one asked longer
/// ago.
void DigestTable::evict() {
  std::size_t worst = hand_ % order_.size();
  for (std::size_t i = 1; i < std::min(candidates, order_.size()); ++i) {
    const std::size_t at = (hand_ + i) % order_.size();
    const DigestRow &a = *order_[at], &b = *order_[worst];
    if (a.count < b.count || (a.count == b.count && a.last_seen < b.last_seen)) worst = at;
  }
  hand_ = (hand_ + candidates) % order_.size();
  DigestRow* const row = order_[worst];
  others_.add(*row);
  order_[worst] = order_.back();
  order_.pop_back();
  rows_.erase(row->digest);
}

DigestRow& DigestTable::row(std::uint64_t digest, std::string_view text) {
  if (digest == 0 || rows_max_ == 0) return others_;
  if (const auto found = rows_.find(digest); found != rows_.end()) return *found->second;
  if (rows_.size() >= rows_max_) evict();
  auto made = std::make_unique<DigestRow>();
  made->digest = digest;
  made->text = cut(text, text_max_);
  DigestRow& row = *made;
  order_.push_back(made.get());
  rows_.emplace(digest, std::move(made));
  return row;
}

void DigestTable::record(const DigestSample& sample, Instant now) {
  DigestRow& r = row(sample.digest, sample.text);
  ++r.count;
  r.errors += sample.error;
  r.repeated += sample.repeated;
  r.held += sample.held > Duration{};
  r.rows += sample.rows;
  r.bytes_in += sample.bytes_in;
  r.bytes_out += sample.bytes_out;
  r.took = r.took + sample.took;
  r.last_seen = std::max(r.last_seen, now);
  r.latency.record(sample.took);
}

void DigestTable::add(const DigestTable& other) {
  others_.add(other.others_);
  for (const DigestRow* theirs : other.order_) row(theirs->digest, theirs->text).add(*theirs);
}

void DigestTable::clear() {
  rows_.clear();
  order_.clear();
  hand_ = 0;
  others_ = {};
  others_.text = "(others)";
}

std::vector<const DigestRow*> DigestTable::rows() const {
  std::vector<const DigestRow*> out(order_.begin(), order_.end());
  std::sort(out.begin(), out.end(), [](const DigestRow* a, const DigestRow* b) {
    return a->took != b->took ? a->took > b->took : a->digest < b->digest;
  });
  if (others_.count != 0) out.push_back(&others_);
  return out;
}

const DigestRow* DigestTable::find(std::uint64_t digest) const {
  const auto found = rows_.find(digest);
  return found == rows_.end() ? nullptr : found->second.get();
}

std::size_t DigestTable::memory_max(std::size_t rows_max, std::size_t text_max) {
  return sizeof(DigestTable) + rows_max * (sizeof(DigestRow) + text_max + 1 + map_node);
}

std::size_t DigestTable::memory() const {
  std::size_t sum = sizeof(DigestTable);
  for (const DigestRow* r : order_) sum += sizeof(DigestRow) + r->text.capacity() + 1 + map_node;
  return sum;
}

}  // namespace holdfast::tds
