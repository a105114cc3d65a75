// Child processes of the libuv loop.
#include <signal.h>

#include <cstring>

#include "proxy/io/io_uv_internal.h"

namespace holdfast::io {

Result<ProcessPtr> UvLoop::spawn(const std::vector<std::string>& argv, ProcessEvents& events) {
  if (argv.empty()) return fail(Blame::Operator, "an empty command");
  ProcessPtr process(new UvProcess(*this, events));
  int status = static_cast<UvProcess&>(*process).start(argv);
  if (status != 0) return fail(Blame::Operator, "cannot run " + argv[0] + ": " + uv_strerror(status));
  return process;
}

int UvProcess::start(const std::vector<std::string>& argv) {
  loop_.opened();
  std::vector<char*> arguments;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  uv_stdio_container_t stdio[3]{};
  stdio[0].flags = UV_IGNORE;  // /dev/null
  stdio[1].flags = stdio[2].flags = UV_INHERIT_FD;
  stdio[1].data.fd = stdio[2].data.fd = 2;
  uv_process_options_t options{};
  options.exit_cb = exit_cb;
  options.file = arguments[0];
  options.args = arguments.data();
  options.stdio = stdio;
  options.stdio_count = 3;
  options.flags = UV_PROCESS_DETACHED;  // its own group, so that dispose() kills grandchildren too
  handle_.data = this;
  int status = uv_spawn(loop_.uv(), &handle_, &options);
  handle_.data = this;
  running_ = status == 0;
  return status;
}

void UvProcess::exit_cb(uv_process_t* handle, std::int64_t code, int signal) noexcept {
  auto& self = *static_cast<UvProcess*>(handle->data);
  self.running_ = false;
  self.close();
  if (!self.events_) return;
  self.loop_.touched();
  self.events_->on_exit(static_cast<int>(code), signal);
}

/// A running child keeps its handle until it is reaped: closing it earlier would leave a zombie.
void UvProcess::dispose() {
  events_ = nullptr;
  loop_.disowned();
  if (closed_) {
    loop_.closed();
    delete this;
    return;
  }
  if (running_) {
    ::kill(-handle_.pid, SIGKILL);
  } else {
    close();
  }
}

void UvProcess::close() {
  if (closing_) return;
  closing_ = true;
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), close_cb);
}

void UvProcess::close_cb(uv_handle_t* handle) noexcept {
  auto& self = *static_cast<UvProcess*>(handle->data);
  self.closed_ = true;
  if (self.events_) return;  // its owner still holds it
  self.loop_.closed();
  delete &self;
}

}  // namespace holdfast::io
