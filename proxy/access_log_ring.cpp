#include "proxy/access_log_ring.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "proxy/base/check.h"

namespace holdfast {

using std::memory_order_acquire, std::memory_order_relaxed, std::memory_order_release;

RecordRing::RecordRing(std::size_t capacity)
    : mask_(capacity - 1), bytes_(std::make_unique_for_overwrite<char[]>(capacity)) {
  CHECK(std::has_single_bit(capacity));
}

bool RecordRing::push(Bytes record) {
  const auto frame = static_cast<std::uint32_t>(record.size());
  const std::size_t needed = sizeof frame + record.size();
  const std::size_t at = written_.load(memory_order_relaxed);
  if (needed > capacity() - (at - read_seen_)) {
    read_seen_ = read_.load(memory_order_acquire);
    if (needed > capacity() - (at - read_seen_)) return false;
  }
  char header[sizeof frame];
  std::memcpy(header, &frame, sizeof frame);
  copy_in(at, {header, sizeof header});
  copy_in(at + sizeof frame, record);
  written_.store(at + needed, memory_order_release);
  return true;
}

bool RecordRing::pop(std::string& record) {
  const std::size_t at = read_.load(memory_order_relaxed);
  if (written_.load(memory_order_acquire) == at) return false;
  std::uint32_t frame = 0;
  char header[sizeof frame];
  copy_out(at, header, sizeof header);
  std::memcpy(&frame, header, sizeof frame);
  record.resize(frame);
  copy_out(at + sizeof frame, record.data(), frame);
  read_.store(at + sizeof frame + frame, memory_order_release);
  return true;
}

std::size_t RecordRing::used() const {
  const std::size_t read = read_.load(memory_order_relaxed);
  return written_.load(memory_order_relaxed) - read;
}

void RecordRing::copy_in(std::size_t at, Bytes bytes) {
  if (bytes.empty()) return;
  const std::size_t head = std::min(bytes.size(), capacity() - (at & mask_));
  std::memcpy(&bytes_[at & mask_], bytes.data(), head);
  if (head < bytes.size()) std::memcpy(&bytes_[0], bytes.data() + head, bytes.size() - head);
}

void RecordRing::copy_out(std::size_t at, char* to, std::size_t size) const {
  const std::size_t head = std::min(size, capacity() - (at & mask_));
  std::memcpy(to, &bytes_[at & mask_], head);
  std::memcpy(to + head, &bytes_[0], size - head);
}

}  // namespace holdfast
