#include "proxy/io/io_uv_pipe.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "proxy/base/check.h"

namespace holdfast::io {

namespace {

long splice_some(int from, int to, std::size_t most) {
  ssize_t size;
  do {
    size = ::splice(from, nullptr, to, nullptr, most, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
  } while (size < 0 && errno == EINTR);
  return size > 0 ? size : size == 0 ? -EAGAIN : -errno;
}

}  // namespace

bool UvPipe::open() {
  if (in_ >= 0) return true;
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return false;
  out_ = ends[0];
  in_ = ends[1];
  ::fcntl(in_, F_SETPIPE_SZ, static_cast<int>(capacity));  // refused, it stays smaller and brings less a turn
  return true;
}

void UvPipe::close() {
  if (in_ < 0) return;
  ::close(in_);
  ::close(out_);
  in_ = out_ = -1;
}

long UvPipe::fill(int socket, std::size_t most) { return splice_some(socket, in_, most); }

long UvPipe::drain(int socket, std::size_t most) { return splice_some(out_, socket, most); }

void UvPipe::read(char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t got = ::read(out_, out, size);
    CHECK(got > 0);
    out += got;
    size -= static_cast<std::size_t>(got);
  }
}

}  // namespace holdfast::io
