// Bulk from one TCP socket to another without a copy. splice(2) moves the received pages themselves into a pipe, and
// from there into the other socket. It takes more system calls than reading and writing, so it only begins when a
// read has filled the loop's buffer, and ends when it brings little.
//
// No more is taken than the other socket has room for, so that the pipe is empty again when a callback returns. Where
// there is no room the stream goes back to copying, whose queue knows when there is some again.
#include <linux/sock_diag.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

namespace {

/// Splicing is not possible here, or not now; copying may be.
bool cannot_splice(long error) {
  return error == -EMFILE || error == -EINVAL || error == -ENOSYS || error == -EPERM || error == -ENOMEM;
}

}  // namespace

void UvStream::forward_to(Stream& to) {
  auto* sink = dynamic_cast<UvStream*>(&to);
  const bool can = sink && kind_ == Kind::Tcp && sink->kind_ == Kind::Tcp;
  sink_ = can ? sink : nullptr;
}

void UvStream::forward() {
  const long size = forward_some();
  if (size < 0) return fail(static_cast<int>(size));
  const bool thin = size < static_cast<long>(kForwardLeast);
  if (size == 0 || (thin && thin_)) {
    want_ = Want::Bytes;
    sink_room_ = 0;
  }
  thin_ = thin;
  if (size == 0) return;
  loop_.touched();
  events_->on_forwarded(static_cast<std::size_t>(size));
}

/// Bytes forwarded; 0 if they had better be read, or an end may have to be; or the socket's error: splice(2) takes that
/// off the socket, and a read would then see a clean end.
long UvStream::forward_some() {
  if (!sink_->takes_at_once()) return 0;
  if (sink_room_ < kReadBuffer) sink_room_ = sink_->room();
  if (sink_room_ < kForwardLeast) return 0;
  UvPipe& pipe = loop_.pipe();
  const std::size_t most = std::min<std::size_t>(sink_room_, kForwardMost);
  const long size = pipe.open() ? pipe.fill(descriptor(), most) : -EMFILE;
  if (size == -EAGAIN) return 0;
  if (cannot_splice(size)) {
    sink_ = nullptr;
    return 0;
  }
  if (size < 0) return size;
  sink_room_ -= static_cast<std::uint32_t>(size);
  sink_->write_from(pipe, static_cast<std::size_t>(size));
  return size;
}

/// Whether nothing waits before what is written now, and it may be written.
bool UvStream::takes_at_once() const { return phase_ == Phase::Open && failure_ == 0 && !finished_ && !out_; }

/// Bytes that the socket has room for, about.
std::uint32_t UvStream::room() const {
  std::array<std::uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (getsockopt(descriptor(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0) return 0;
  const std::uint32_t most = memory[SK_MEMINFO_SNDBUF], used = memory[SK_MEMINFO_WMEM_QUEUED];
  return most > used ? most - used : 0;
}

/// All `size` bytes of the pipe leave it: what the socket does not take after all is queued.
void UvStream::write_from(UvPipe& pipe, std::size_t size) {
  while (size > 0) {
    const long sent = pipe.drain(descriptor(), size);
    if (sent == -EAGAIN) break;
    if (sent < 0) {
      pipe.close();
      return fail_later(static_cast<int>(sent));
    }
    size -= static_cast<std::size_t>(sent);
  }
  if (size == 0) return;
  outbox().pending.resize(size);
  pipe.read(out_->pending.data(), size);
  flush();
}

}  // namespace holdfast::io
