// A ring of framed byte records between one data loop, which only pushes, and the log's writer thread,
// which only pops. No lock and no system call on either side; a record that does not fit is refused
// whole. The storage is touched for the first time when it is used, so that an idle loop costs nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast {

class RecordRing {
 public:
  /// `capacity` in bytes, a power of two; each record costs four bytes more than its length.
  explicit RecordRing(std::size_t capacity);

  bool push(Bytes record);                   ///< producer; false: no room, nothing was written
  bool pop(std::string& record);             ///< consumer; false: empty
  std::size_t used() const;                  ///< either side; bytes, at least as many as when it was asked
  std::size_t capacity() const { return mask_ + 1; }

 private:
  void copy_in(std::size_t at, Bytes bytes);
  void copy_out(std::size_t at, char* to, std::size_t size) const;

  const std::size_t mask_;
  std::unique_ptr<char[]> bytes_;
  // Positions only grow; each is written by one side. Apart, so that the sides do not share a cache line.
  alignas(64) std::atomic<std::size_t> written_{0};
  std::size_t read_seen_ = 0;  ///< the producer's last look at read_
  alignas(64) std::atomic<std::size_t> read_{0};
};

}  // namespace holdfast
