// Descriptors of the owner's own making, watched by the libuv loop.
#include "proxy/base/check.h"
#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

WatchPtr UvLoop::watch(int descriptor, WatchEvents& events) {
  auto* watch = new UvWatch(*this, events);
  watch->start(descriptor);
  return WatchPtr(watch);
}

void UvWatch::start(int descriptor) {
  loop_.opened();
  handle_.data = this;
  CHECK(uv_poll_init(loop_.uv(), &handle_, descriptor) == 0);
  handle_.data = this;
  CHECK(uv_poll_start(&handle_, UV_READABLE, poll_cb) == 0);
}

/// An error condition of the socket (a link that went down, a netlink overrun) is told by reading it, so it
/// counts as readable. libuv stops the handle on one; reading clears it, and watching goes on.
void UvWatch::poll_cb(uv_poll_t* handle, int status, int) noexcept {
  auto& self = *static_cast<UvWatch*>(handle->data);
  if (!self.events_) return;
  self.loop_.touched();
  self.events_->on_readable();
  if (status < 0 && self.events_) CHECK(uv_poll_start(handle, UV_READABLE, poll_cb) == 0);
}

void UvWatch::dispose() {
  events_ = nullptr;
  loop_.disowned();
  uv_poll_stop(&handle_);
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), close_cb);
}

void UvWatch::close_cb(uv_handle_t* handle) noexcept {
  auto* self = static_cast<UvWatch*>(handle->data);
  self->loop_.closed();
  delete self;
}

}  // namespace holdfast::io
