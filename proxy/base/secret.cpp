#include "proxy/base/secret.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "proxy/base/check.h"

namespace holdfast {

namespace {

std::size_t whole_pages(std::size_t bytes) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

Secret::Secret(Bytes bytes) {
  if (bytes.empty()) return;
  pages_ = whole_pages(bytes.size());
  void* const memory =
      ::mmap(nullptr, pages_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  // Neither is worth refusing a login over: RLIMIT_MEMLOCK may be small.
  (void)::mlock(memory, pages_);
  (void)::madvise(memory, pages_, MADV_DONTDUMP);
  data_ = static_cast<char*>(memory);
  size_ = bytes.size();
  std::memcpy(data_, bytes.data(), size_);
}

Secret::Secret(const Secret& other) : Secret(other.reveal()) {}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      pages_(std::exchange(other.pages_, 0)) {}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) *this = Secret(other);
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(pages_, other.pages_);
  return *this;
}

Secret::~Secret() { clear(); }

void Secret::clear() {
  if (!data_) return;
  ::explicit_bzero(data_, pages_);
  ::munmap(data_, pages_);
  data_ = nullptr;
  size_ = pages_ = 0;
}

void wipe(std::string& text) {
  text.resize(text.capacity());  // the spare room may be written to only once it is in use
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace holdfast
