#include "vrrp/driver_errands.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "proxy/base/check.h"

namespace holdfast::vrrp {

Status Errands::start() {
  finished_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (finished_fd_ < 0)
    return fail(Blame::Self, std::string("cannot make an eventfd: ") + std::strerror(errno));
  watch_ = loop_.watch(finished_fd_, *this);
  // Signals of the process are for the threads that watch for them.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { work(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return {};
}

Errands::~Errands() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  watch_.reset();
  if (finished_fd_ >= 0) ::close(finished_fd_);
}

void Errands::run(io::Task work, io::Task done) {
  CHECK(thread_.joinable());
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(work), std::move(done)});
  }
  changed_.notify_one();
}

void Errands::work() {
  ::pthread_setname_np(::pthread_self(), "hf-errands");
  const sched_param ordinary{};  // the creator may be real-time, and that is inherited
  ::pthread_setschedparam(::pthread_self(), SCHED_OTHER, &ordinary);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Errand errand = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    errand.work();
    lock.lock();
    finished_.push_back(std::move(errand));
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(finished_fd_, &one, sizeof one);
  }
}

void Errands::on_readable() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t emptied = ::read(finished_fd_, &count, sizeof count);
  // One a call, for a result may destroy this object; the rest asks for another turn.
  Errand errand;
  {
    std::lock_guard lock(mutex_);
    if (finished_.empty()) return;
    errand = std::move(finished_.front());
    finished_.pop_front();
    const std::uint64_t one = 1;
    if (!finished_.empty()) {
      [[maybe_unused]] const ssize_t again = ::write(finished_fd_, &one, sizeof one);
    }
  }
  errand.done();
}

}  // namespace holdfast::vrrp
