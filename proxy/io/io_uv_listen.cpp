// Listening sockets of the libuv loop, made by hand: this libuv knows neither SO_REUSEPORT nor
// IP_FREEBIND. Also the translation of addresses and of error numbers.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/check.h"
#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

Fault fault_of(int status) {
  switch (status) {
    case UV_ECONNREFUSED:
    case UV_ENOENT: return Fault::Refused;
    case UV_ECONNRESET:
    case UV_ECONNABORTED:
    case UV_EPIPE: return Fault::Reset;
    case UV_ETIMEDOUT: return Fault::TimedOut;
    case UV_EHOSTUNREACH:
    case UV_ENETUNREACH:
    case UV_ENETDOWN:
    case UV_EHOSTDOWN: return Fault::Unreachable;
    case UV_EMFILE:
    case UV_ENFILE:
    case UV_ENOMEM:
    case UV_ENOBUFS:
    case UV_EAGAIN:         // a Unix listener's queue is full
    case UV_EADDRNOTAVAIL:  // no local port left
      return Fault::NoResources;
    default: return Fault::Other;
  }
}

socklen_t to_sockaddr(const Address& address, sockaddr_storage& out) {
  if (address.family == Address::Family::V4) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), 4);
    return sizeof v4;
  }
  if (address.family == Address::Family::V6) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    return sizeof v6;
  }
  return 0;
}

Address from_sockaddr(const sockaddr_storage& raw) {
  Address a;
  if (raw.ss_family == AF_INET) {
    auto& v4 = reinterpret_cast<const sockaddr_in&>(raw);
    a.family = Address::Family::V4;
    a.port = ntohs(v4.sin_port);
    std::memcpy(a.bytes.data(), &v4.sin_addr, 4);
  } else if (raw.ss_family == AF_INET6) {
    auto& v6 = reinterpret_cast<const sockaddr_in6&>(raw);
    a.family = Address::Family::V6;
    a.port = ntohs(v6.sin6_port);
    std::memcpy(a.bytes.data(), &v6.sin6_addr, 16);
  }
  return a;
}

namespace {

/// A descriptor that closes itself unless it is given away.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int give() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::unexpected<Error> os_error(const std::string& what, const std::string& where) {
  return fail(Blame::Operator, what + " " + where + ": " + std::strerror(errno), errno == EADDRINUSE);
}

bool set(int fd, int level, int option, int value = 1) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

Result<int> listen_inet(const ListenOptions& options) {
  std::string where = options.address.text();
  bool v6 = options.address.family == Address::Family::V6;
  sockaddr_storage raw{};
  socklen_t size = to_sockaddr(options.address, raw);
  Fd fd(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return os_error("cannot create a socket for", where);
  bool ok = set(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (options.reuse_port) ok = ok && set(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  if (v6) ok = ok && set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (options.free_bind && v6) ok = ok && set(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND);
  if (options.free_bind && !v6) ok = ok && set(fd.get(), IPPROTO_IP, IP_FREEBIND);
  if (!ok) return os_error("cannot set the socket options of", where);
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&raw), size) != 0) return os_error("cannot bind", where);
  if (::listen(fd.get(), options.backlog) != 0) return os_error("cannot listen on", where);
  return fd.give();
}

/// Removes a socket file that nobody answers on. Anything else at the path stays.
bool remove_stale(const sockaddr_un& name) {
  struct stat info {};
  if (lstat(name.sun_path, &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  Fd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return false;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0) return false;
  return errno == ECONNREFUSED && unlink(name.sun_path) == 0;
}

Result<int> listen_unix(const ListenOptions& options) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  if (options.path.empty() || options.path.size() >= sizeof name.sun_path)
    return fail(Blame::Operator, "the path of a Unix socket is empty or over 107 bytes: " + options.path);
  options.path.copy(name.sun_path, options.path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return os_error("cannot create a socket for", options.path);
  auto* raw = reinterpret_cast<sockaddr*>(&name);
  bool bound = bind(fd.get(), raw, sizeof name) == 0;
  if (!bound && errno == EADDRINUSE) {
    if (remove_stale(name)) bound = bind(fd.get(), raw, sizeof name) == 0;
    else errno = EADDRINUSE;
  }
  if (!bound) return os_error("cannot bind", options.path);
  // Before listen() nobody can connect, so the umask's mode is never effective.
  if (chmod(name.sun_path, options.path_mode) != 0) return os_error("cannot set the mode of", options.path);
  if (::listen(fd.get(), options.backlog) != 0) return os_error("cannot listen on", options.path);
  return fd.give();
}

Result<int> take_over(int inherited) {
  std::string where = "descriptor " + std::to_string(inherited);
  int listening = 0;
  socklen_t size = sizeof listening;
  if (getsockopt(inherited, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0)
    return os_error("cannot take over", where);
  if (!listening) return fail(Blame::Operator, "cannot take over " + where + ": it does not listen");
  int flags = fcntl(inherited, F_GETFL);
  if (flags < 0 || fcntl(inherited, F_SETFL, flags | O_NONBLOCK) != 0 ||
      fcntl(inherited, F_SETFD, FD_CLOEXEC) != 0)
    return os_error("cannot take over", where);
  return inherited;
}

}  // namespace

Result<ListenerPtr> UvLoop::listen(const ListenOptions& options, ListenerEvents& events) {
  Result<int> fd = options.inherited >= 0                             ? take_over(options.inherited)
                   : options.address.family == Address::Family::None ? listen_unix(options)
                                                                      : listen_inet(options);
  if (!fd) return std::unexpected(fd.error());
  int domain = 0;
  socklen_t size = sizeof domain;
  getsockopt(*fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  return ListenerPtr(new UvListener(*this, events, *fd, domain == AF_UNIX));
}

UvListener::UvListener(UvLoop& loop, ListenerEvents& events, int fd, bool is_unix)
    : loop_(loop), events_(&events), fd_(fd), is_unix_(is_unix) {
  CHECK(uv_poll_init(loop.uv(), &handle_, fd) == 0);
  handle_.data = this;
  loop.opened();
  if (!is_unix) set(fd, IPPROTO_TCP, TCP_NODELAY);  // Linux hands it on to every accepted socket
  uv_poll_start(&handle_, UV_READABLE, poll_cb);
}

Address UvListener::local() const {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (getsockname(fd_, reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {};
  return from_sockaddr(raw);
}

void UvListener::pause() {
  paused_ = true;
  unlink();
  uv_poll_stop(&handle_);
}

void UvListener::resume() {
  if (!paused_) return;
  paused_ = false;
  uv_poll_start(&handle_, UV_READABLE, poll_cb);
}

void UvListener::end_back_off() { uv_poll_start(&handle_, UV_READABLE, poll_cb); }

void UvListener::back_off(int status) {
  uv_poll_stop(&handle_);
  loop_.back_off(*this);
  loop_.touched();
  events_->on_accept_fault(fault_of(status), uv_strerror(status));
}

void UvListener::poll_cb(uv_poll_t* handle, int status, int) noexcept {
  auto& self = *static_cast<UvListener*>(handle->data);
  if (status < 0) return self.back_off(status);
  self.accept_waiting();
}

void UvListener::accept_waiting() {
  for (int n = 0; n < kAcceptsPerTurn && events_ && !paused_; ++n)
    if (!accept_one()) return;
}

/// False when there is nothing more to accept now. accept(2) also returns errors of the connection
/// that was about to be accepted; those say nothing about the next one.
bool UvListener::accept_one() {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&raw), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EAGAIN) return false;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM && errno != EINVAL &&
        errno != EBADF && errno != EPERM)
      return true;
    back_off(-errno);
    return false;
  }
  UvStream* stream = loop_.make_stream(is_unix_ ? UvStream::Kind::Unix : UvStream::Kind::Tcp);
  stream->adopt(fd, is_unix_ ? Address{} : from_sockaddr(raw));
  loop_.touched();
  events_->on_accept(StreamPtr(stream));
  return true;
}

void UvListener::dispose() {
  events_ = nullptr;
  loop_.disowned();
  unlink();
  uv_poll_stop(&handle_);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), close_cb);
  ::close(fd_);  // now, not in close_cb: what the kernel still queues here until then would be reset
}

void UvListener::close_cb(uv_handle_t* handle) noexcept {
  auto* self = static_cast<UvListener*>(handle->data);
  self->loop_.closed();
  delete self;
}

}  // namespace holdfast::io
