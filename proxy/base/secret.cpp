#include "proxy/base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

std::size_t page_size() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t whole_pages(std::size_t bytes) { return (bytes + page_size() - 1) / page_size() * page_size(); }

char* locked_pages(std::size_t bytes) {
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  // Neither is worth refusing a login over: RLIMIT_MEMLOCK may be small.
  (void)::mlock(memory, bytes);
  (void)::madvise(memory, bytes, MADV_DONTDUMP);
  return static_cast<char*>(memory);
}

/// Small secrets share locked pages: one page each would be a mapping each, of which a process may have some
/// ten thousand. Pages are kept for the next secrets; what is given back was wiped.
class Arena {
 public:
  explicit Arena(std::size_t slot) : slot_(slot) {}

  char* take() {
    std::lock_guard lock(mutex_);
    if (free_.empty()) {
      char* const page = locked_pages(page_size());
      for (std::size_t at = page_size(); at >= slot_; at -= slot_) free_.push_back(page + at - slot_);
    }
    char* const taken = free_.back();
    free_.pop_back();
    return taken;
  }
  void give(char* slot) {
    std::lock_guard lock(mutex_);
    free_.push_back(slot);
  }

 private:
  std::mutex mutex_;
  const std::size_t slot_;
  std::vector<char*> free_;
};

constexpr std::size_t slot_sizes[] = {64, 256};

std::size_t room_for(std::size_t size) {
  for (const std::size_t slot : slot_sizes)
    if (size <= slot) return slot;
  return whole_pages(size);
}

/// The arena whose slots are of this size; null: those are whole pages. Arenas are never destroyed: a secret may
/// be a static object.
Arena* arena_of(std::size_t room) {
  static Arena* const arenas[] = {new Arena(slot_sizes[0]), new Arena(slot_sizes[1])};
  for (std::size_t i = 0; i < std::size(slot_sizes); ++i)
    if (room == slot_sizes[i]) return arenas[i];
  return nullptr;
}

}  // namespace

Secret::Secret(Bytes bytes) {
  if (bytes.empty()) return;
  room_ = room_for(bytes.size());
  Arena* const arena = arena_of(room_);
  data_ = arena ? arena->take() : locked_pages(room_);
  size_ = bytes.size();
  std::memcpy(data_, bytes.data(), size_);
}

Secret::Secret(const Secret& other) : Secret(other.reveal()) {}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      room_(std::exchange(other.room_, 0)) {}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) *this = Secret(other);
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(room_, other.room_);
  return *this;
}

Secret::~Secret() { clear(); }

void Secret::clear() {
  if (!data_) return;
  ::explicit_bzero(data_, room_);
  if (Arena* const arena = arena_of(room_))
    arena->give(data_);
  else
    ::munmap(data_, room_);
  data_ = nullptr;
  size_ = room_ = 0;
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // the spare room may be written to only once it is in use
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace holdfast
