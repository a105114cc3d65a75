#include "proxy/access_log.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <thread>
#include <vector>

#include "proxy/access_log_record.h"
#include "proxy/access_log_ring.h"
#include "proxy/base/log.h"

namespace holdfast {

namespace {

constexpr std::size_t ring_bytes = 1 << 20;       // per loop
constexpr std::size_t batch_bytes = 256 << 10;    // text gathered for one write
constexpr long nap_ns = 100'000'000;              // a record waits this long at most ...
constexpr long busy_nap_ns = 10'000'000;          // ... and this long while records come: see run()

class NoLog final : public AccessLog {
 public:
  void log(unsigned, const AccessRecord&) override {}
  void reopen() override {}
  std::uint64_t dropped() const override { return 0; }
};

/// What the loops and the writer thread share; a loop writes its own lane only.
struct Lane {
  RecordRing ring{ring_bytes};
  std::string packed;  ///< the loop's own scratch
  std::atomic<std::uint64_t> dropped{0};
};

class FileLog final : public AccessLog {
 public:
  FileLog(const std::string& path, conf::LogFormat format, unsigned loops) : path_(path), format_(format) {
    for (unsigned i = 0; i < loops; ++i) lanes_.push_back(std::make_unique<Lane>());
    sem_init(&wake_, 0, 0);
    reopen_file();
    writer_ = std::thread([this] { run(); });
  }
  ~FileLog() override {
    stopping_.store(true, std::memory_order_release);
    sem_post(&wake_);
    writer_.join();
    sem_destroy(&wake_);
    if (owns_descriptor() && descriptor_ >= 0) ::close(descriptor_);
  }

  void log(unsigned loop, const AccessRecord& record) override;
  void reopen() override {
    reopen_.store(true, std::memory_order_release);
    sem_post(&wake_);
  }
  std::uint64_t dropped() const override;

 private:
  bool owns_descriptor() const { return path_ != "-"; }
  void run();
  void nap(long ns);
  void reopen_file();
  bool gather();
  void write_batch();
  bool write_all(std::string_view text);

  const std::string path_;
  const conf::LogFormat format_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  sem_t wake_;
  std::atomic<bool> wake_asked_{false};  ///< one post is enough until the writer has looked
  std::atomic<bool> reopen_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> unwritten_{0};
  std::thread writer_;
  // The writer thread's own.
  int descriptor_ = -1;
  bool failing_ = false;
  std::string batch_, packed_;
  std::uint64_t batch_records_ = 0;
  std::size_t first_lane_ = 0;
};

void FileLog::log(unsigned loop, const AccessRecord& record) {
  Lane& lane = *lanes_[loop];
  pack(record, lane.packed);
  if (!lane.ring.push(lane.packed))
    lane.dropped.store(lane.dropped.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  // The writer comes by itself, at the latest after 100 ms; only a loop that would fill its ring before that calls it.
  if (lane.ring.used() > ring_bytes / 2 && !wake_asked_.exchange(true, std::memory_order_acq_rel))
    sem_post(&wake_);
}

std::uint64_t FileLog::dropped() const {
  std::uint64_t all = unwritten_.load(std::memory_order_relaxed);
  for (const auto& lane : lanes_) all += lane->dropped.load(std::memory_order_relaxed);
  return all;
}

// Where there is no processor to spare, the requests behind it wait while it works: so it works for a short time
// and often under load, and never pushes a loop aside when it wakes.
void FileLog::run() {
  const sched_param none{};
  pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
  for (;;) {
    // Read first: what was logged before the stop is still gathered below.
    const bool last = stopping_.load(std::memory_order_acquire);
    wake_asked_.store(false, std::memory_order_release);
    const bool more = gather();
    const bool busy = batch_records_ > 0;
    write_batch();
    // After the write: a rotated file gets every line that was logged before the signal.
    if (reopen_.exchange(false, std::memory_order_acq_rel)) reopen_file();
    if (more) continue;
    if (last) return;
    nap(busy ? busy_nap_ns : nap_ns);
  }
}

void FileLog::nap(long ns) {
  timespec until{};
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += ns;
  until.tv_sec += until.tv_nsec / 1'000'000'000;
  until.tv_nsec %= 1'000'000'000;
  sem_clockwait(&wake_, CLOCK_MONOTONIC, &until);
}

/// Takes from the lanes in turn until the batch is full, which it tells by true.
bool FileLog::gather() {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    RecordRing& ring = lanes_[first_lane_]->ring;
    while (ring.pop(packed_)) {
      format(unpack(packed_), format_, batch_);
      ++batch_records_;
      if (batch_.size() >= batch_bytes) break;
    }
    first_lane_ = (first_lane_ + 1) % lanes_.size();  // a busy lane must not keep the others from their turn
    if (batch_.size() >= batch_bytes) return true;
  }
  return false;
}

void FileLog::write_batch() {
  if (!batch_.empty() && !write_all(batch_)) unwritten_.fetch_add(batch_records_, std::memory_order_relaxed);
  batch_.clear();
  batch_records_ = 0;
}

bool FileLog::write_all(std::string_view text) {
  while (!text.empty() && descriptor_ >= 0) {
    const ssize_t n = ::write(descriptor_, text.data(), text.size());
    if (n >= 0) {
      text.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN && !stopping_.load(std::memory_order_relaxed) &&
               !reopen_.load(std::memory_order_relaxed)) {
      pollfd p{descriptor_, POLLOUT, 0};
      ::poll(&p, 1, 100);
    } else if (errno != EINTR) {
      if (!failing_) log_error("access log: cannot write", {{"file", path_}, {"why", std::strerror(errno)}});
      failing_ = true;
      return false;
    }
  }
  if (text.empty()) failing_ = false;
  return text.empty();
}

void FileLog::reopen_file() {
  if (!owns_descriptor()) {
    descriptor_ = STDOUT_FILENO;
    return;
  }
  // Not blocking: a FIFO without a reader must not hold up the start, nor one whose reader sleeps the end.
  constexpr int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  const int fresh = ::open(path_.c_str(), flags, 0640);
  if (fresh < 0) {
    log_error("access log: cannot open; the old file, if any, stays in use",
              {{"file", path_}, {"why", std::strerror(errno)}});
    return;
  }
  if (descriptor_ >= 0) ::close(descriptor_);
  descriptor_ = fresh;
  failing_ = false;
}

}  // namespace

std::unique_ptr<AccessLog> AccessLog::open(const std::string& path, conf::LogFormat format, unsigned loops) {
  if (path.empty()) return std::make_unique<NoLog>();
  return std::make_unique<FileLog>(path, format, loops);
}

}  // namespace holdfast
