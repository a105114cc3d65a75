// A descriptor that is readable while there is something to look at: how the threads of the SQL monitor and
// of the witness wake each other and the control loop. It may be rung from any thread. It carries nothing.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "proxy/base/check.h"

namespace holdfast::tds {

class Bell {
 public:
  Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }
  ~Bell() { ::close(fd_); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(fd_, &one, sizeof one);  // full: it rings already
  }
  void silence() {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(fd_, &count, sizeof count);
  }
  int descriptor() const { return fd_; }

 private:
  int fd_;
};

}  // namespace holdfast::tds
