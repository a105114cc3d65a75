// Streams of the libuv loop: reading, writing, and the several ways in which one ends.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "proxy/base/check.h"
#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

namespace {

constexpr std::size_t kPiecesAtOnce = 64;
constexpr std::size_t kKeepCapacity = 16 * 1024;  // an idle stream holds no larger queue buffer

void trim(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeepCapacity) std::string().swap(buffer);
}

constexpr long kSendFlags = MSG_DONTWAIT | MSG_NOSIGNAL;

/// What the kernel took, or a negative libuv status. Not uv_try_write: send(2) passes fewer layers than write(2), and
/// called in this way it is no cancellation point, which costs a process with threads two locked instructions each.
long send_now(int fd, Bytes bytes) {
  long sent;
  do sent = ::syscall(SYS_sendto, fd, bytes.data(), bytes.size(), kSendFlags, nullptr, 0);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

long send_now(int fd, std::span<iovec> pieces) {
  if (pieces.size() == 1) return send_now(fd, Bytes(static_cast<const char*>(pieces[0].iov_base), pieces[0].iov_len));
  msghdr message{};
  message.msg_iov = pieces.data();
  message.msg_iovlen = pieces.size();
  long sent;
  do sent = ::syscall(SYS_sendmsg, fd, &message, kSendFlags);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? uv_translate_sys_error(errno) : sent;
}

}  // namespace

UvStream::UvStream(UvLoop& loop, Kind kind) : loop_(loop), kind_(kind) {
  int status = kind == Kind::Tcp ? uv_tcp_init(loop.uv(), &handle_.tcp)
                                 : uv_pipe_init(loop.uv(), &handle_.pipe, 0);
  CHECK(status == 0);
  stream()->data = this;
}

int UvStream::descriptor() const {
  uv_os_fd_t fd = -1;
  return uv_fileno(reinterpret_cast<const uv_handle_t*>(stream()), &fd) == 0 ? fd : -1;
}

void UvStream::adopt(int fd, const Address& peer) {
  peer_ = peer;
  int status = kind_ == Kind::Tcp ? uv_tcp_open(&handle_.tcp, fd) : uv_pipe_open(&handle_.pipe, fd);
  if (status == 0) return;
  ::close(fd);
  fail_later(status);
}

void UvStream::connect(const Address& to) {
  phase_ = Phase::Connecting;
  peer_ = to;
  sockaddr_storage raw{};
  if (to_sockaddr(to, raw) == 0) return fail_later(UV_EINVAL);
  uv_tcp_nodelay(&handle_.tcp, 1);  // remembered by libuv until the socket exists
  uv_connect_t& request = outbox().request.connect;
  request.data = this;
  auto* address = reinterpret_cast<sockaddr*>(&raw);
  int status = uv_tcp_connect(&request, &handle_.tcp, address, connect_cb);
  if (status != 0) fail_later(status);
}

void UvStream::connect(std::string_view unix_path) {
  phase_ = Phase::Connecting;
  // libuv would cut a long path short and connect to another socket.
  bool fits = !unix_path.empty() && unix_path.size() < sizeof(sockaddr_un::sun_path);
  if (!fits) return fail_later(UV_ENAMETOOLONG);
  uv_connect_t& request = outbox().request.connect;
  request.data = this;
  uv_pipe_connect(&request, &handle_.pipe, std::string(unix_path).c_str(), connect_cb);
}

void UvStream::connect_cb(uv_connect_t* request, int status) noexcept {
  static_cast<UvStream*>(request->data)->on_connect(status);
}

void UvStream::on_connect(int status) {
  if (phase_ != Phase::Connecting) return;  // cancelled by close()
  if (status != 0) return fail(status);
  phase_ = Phase::Open;
  if (out_->pending.empty())
    drop_outbox();
  else
    flush();
  if (want_ != Want::Nothing) read_for_real();
  if (!events_) return;
  loop_.touched();
  events_->on_connected();
}

// Reading. stop_reading() is only a flag, because a real stop and start costs two or three epoll_ctl
// calls. When bytes do come unwanted, alloc_cb denies libuv a buffer: they stay in the kernel, and
// only then is reading really stopped. Back-pressure is exact either way.

void UvStream::start_reading() {
  want_ = Want::Bytes;
  if (phase_ != Phase::Open || failure_ != 0) return;
  if (ended_) {
    if (!end_told_) loop_.defer(*this);
    return;
  }
  read_for_real();
}

void UvStream::read_for_real() {
  if (reading_ || ended_) return;
  int status = uv_read_start(stream(), alloc_cb, read_cb);
  if (status != 0) return fail_later(status);
  reading_ = true;
}

bool UvStream::take_buffer() {
  if (want_ != Want::Bytes) return false;
  if (turn_ != loop_.turn()) {
    turn_ = loop_.turn();
    reads_in_turn_ = 0;
  }
  return reads_in_turn_++ < kReadsPerTurn;
}

void UvStream::alloc_cb(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) noexcept {
  auto& self = *static_cast<UvStream*>(handle->data);
  if (self.take_buffer()) *buffer = uv_buf_init(self.loop_.read_buffer(), kReadBuffer);
}

void UvStream::read_cb(uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) noexcept {
  if (size != 0) static_cast<UvStream*>(stream->data)->on_read(size, *buffer);
}

void UvStream::on_read(ssize_t size, const uv_buf_t& buffer) {
  if (phase_ != Phase::Open) return;
  if (size == UV_ENOBUFS) return on_read_denied();
  if (size == UV_EOF) return on_read_end();
  if (size < 0) return fail(static_cast<int>(size));
  if (disposed_) {
    discard_left_ -= size;
    if (discard_left_ <= 0) close();
    return;
  }
  loop_.touched();
  events_->on_data(Bytes(buffer.base, static_cast<std::size_t>(size)));
}

/// alloc_cb gave no buffer. Unless reading stops, epoll reports the bytes again.
void UvStream::on_read_denied() {
  switch (want_) {
    case Want::Nothing:
      uv_read_stop(stream());
      reading_ = false;
      return;
    case Want::Bytes:  // a full buffer was its share of the turn, and there may be more
      if (sink_) want_ = Want::Forwarding;
      return;
    case Want::Forwarding: return forward();
  }
}

void UvStream::on_read_end() {
  reading_ = false;
  ended_ = true;
  if (disposed_) {
    if (shut_) close();
    return;
  }
  if (want_ == Want::Nothing || failure_ != 0) return;  // told when reading starts again; or a fault is, not this
  end_told_ = true;
  loop_.touched();
  events_->on_end();
}

// Writing. What the kernel takes at once is never copied; the rest waits in the outbox's `pending` while libuv
// writes its `in_flight`.

UvOutbox& UvStream::outbox() {
  if (!out_) out_ = loop_.take_outbox();
  return *out_;
}

void UvStream::drop_outbox() {
  if (!out_) return;
  trim(out_->in_flight);
  trim(out_->pending);
  loop_.give_outbox(std::move(out_));
}

std::size_t UvStream::queued() const {
  if (!out_ || phase_ == Phase::Closing || phase_ == Phase::Closed || failure_ != 0) return 0;
  return out_->pending.size() + (writing_ ? uv_stream_get_write_queue_size(stream()) : 0);
}

std::size_t UvStream::write(std::span<const Bytes> pieces) {
  if (finished_ || failure_ != 0 || (phase_ != Phase::Open && phase_ != Phase::Connecting)) return queued();
  std::size_t sent = 0;
  if (phase_ == Phase::Open && !writing_) sent = write_now(pieces);
  if (failure_ != 0) return 0;
  if (pieces.size() == 1 && sent == pieces[0].size() && !out_) return 0;
  for (Bytes piece : pieces) {
    std::size_t skip = std::min(sent, piece.size());
    sent -= skip;
    if (skip < piece.size()) outbox().pending.append(piece.substr(skip));
  }
  if (!out_) return 0;
  flush();
  return queued();
}

std::size_t UvStream::write_now(std::span<const Bytes> pieces) {
  const int fd = descriptor();
  if (pieces.size() == 1) return pieces[0].empty() ? 0 : taken(send_now(fd, pieces[0]));
  std::array<iovec, kPiecesAtOnce> buffers;
  std::size_t total = 0;
  for (std::size_t i = 0; i < pieces.size();) {
    std::size_t count = 0, size = 0;
    for (; i < pieces.size() && count < buffers.size(); ++i) {
      Bytes piece = pieces[i];
      if (piece.empty()) continue;
      buffers[count++] = {const_cast<char*>(piece.data()), piece.size()};
      size += piece.size();
    }
    if (count == 0) break;
    const std::size_t sent = taken(send_now(fd, std::span(buffers.data(), count)));
    total += sent;
    if (sent < size) break;
  }
  return total;
}

/// Bytes that a send took; its error is told later.
std::size_t UvStream::taken(long sent) {
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (sent != UV_EAGAIN) fail_later(static_cast<int>(sent));
  return 0;
}

void UvStream::flush() {
  if (!out_ || out_->pending.empty() || writing_ || phase_ != Phase::Open) return;
  out_->in_flight.swap(out_->pending);
  uv_buf_t buffer{out_->in_flight.data(), out_->in_flight.size()};
  out_->request.write.data = this;
  int status = uv_write(&out_->request.write, stream(), &buffer, 1, write_cb);
  if (status != 0) return fail_later(status);
  writing_ = true;
}

void UvStream::write_cb(uv_write_t* request, int status) noexcept {
  static_cast<UvStream*>(request->data)->on_written(status);
}

void UvStream::on_written(int status) {
  writing_ = false;
  trim(out_->in_flight);
  if (phase_ != Phase::Open || failure_ != 0) return;
  if (status != 0) return fail(status);
  flush();
  if (writing_ || queued() > 0 || failure_ != 0) return;  // what libuv wrote at once is told later all the same
  drop_outbox();
  if (finished_) shut();
  if (disposed_) return linger_on();
  loop_.touched();
  events_->on_drained();
}

// The ends.

void UvStream::finish() {
  if (finished_) return;
  finished_ = true;
  if (phase_ == Phase::Open && queued() == 0) shut();
}

/// Not uv_shutdown: it would cost a turn of polling for POLLOUT, and nothing is queued here.
void UvStream::shut() {
  if (shut_ || failure_ != 0) return;
  shut_ = true;
  ::shutdown(descriptor(), SHUT_WR);
}

Address UvStream::local() const {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  int fd = descriptor();
  if (fd < 0 || getsockname(fd, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return from_sockaddr(raw);
}

void UvStream::fail(int status) {
  StreamEvents* events = std::exchange(events_, nullptr);
  close();
  if (!events) return;
  loop_.touched();
  events->on_fault(fault_of(status), uv_strerror(status));
}

void UvStream::fail_later(int status) {
  if (failure_ != 0) return;
  failure_ = status;
  if (!disposed_) loop_.defer(*this);
}

void UvStream::run_deferred() {
  if (failure_ != 0) return fail(failure_);
  if (phase_ != Phase::Open || !ended_ || end_told_ || want_ == Want::Nothing) return;
  end_told_ = true;
  loop_.touched();
  events_->on_end();
}

void UvStream::dispose() {
  disposed_ = true;
  loop_.disowned();
  want_ = Want::Nothing;
  sink_ = nullptr;
  events_ = nullptr;
  ListNode<UvStream, DeferredTag>::unlink();
  if (phase_ == Phase::Closed) return loop_.release(*this);
  if (phase_ != Phase::Open || reset_ || failure_ != 0) return close();
  linger_until_ = loop_.now() + kFlushMax;
  linger_on();
}

/// Goes on closing a disposed stream: first its queue leaves, then, after finish(), what the peer still
/// sends is read and dropped. Closing over unread bytes would make the kernel send RST, which can
/// destroy the response on its way (RFC 9112 section 9.6).
void UvStream::linger_on() {
  if (queued() > 0) return loop_.linger(*this);
  if (!finished_ || ended_) return close();
  want_ = Want::Bytes;
  discard_left_ = kDiscardMax;
  linger_until_ = loop_.now() + kLingerMax;
  read_for_real();
  if (failure_ != 0) return close();
  loop_.linger(*this);
}

bool UvStream::expire(Instant now) {
  if (now < linger_until_) return false;
  close();
  return true;
}

void UvStream::close() {
  if (phase_ == Phase::Closing || phase_ == Phase::Closed) return;
  ListNode<UvStream, DeferredTag>::unlink();
  ListNode<UvStream, LingerTag>::unlink();
  if (int fd = descriptor(); reset_ && fd >= 0) {
    ::linger abort{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  }
  phase_ = Phase::Closing;
  reading_ = false;
  uv_close(reinterpret_cast<uv_handle_t*>(stream()), close_cb);
}

void UvStream::close_cb(uv_handle_t* handle) noexcept {
  auto& self = *static_cast<UvStream*>(handle->data);
  self.phase_ = Phase::Closed;
  self.drop_outbox();
  if (self.disposed_) self.loop_.release(self);
}

}  // namespace holdfast::io
