// Work that may block (running a program, walking a long table in /proc) for a loop that may not: one thread
// at ordinary priority, which does one errand after the other. The owner is on the loop's thread, makes every
// call there and gets every result there. An errand must end by itself within seconds: the destructor waits
// until all that was asked for is done; no result comes from then on.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "proxy/base/result.h"
#include "proxy/io/io.h"

namespace holdfast::vrrp {

class Errands final : private io::WatchEvents {
 public:
  explicit Errands(io::Loop& loop) : loop_(loop) {}
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;
  ~Errands();

  /// Starts the thread. Call before the caller's thread becomes real-time: a stack is then not locked for
  /// nothing.
  Status start();
  /// `work` runs on the errand thread, `done` afterwards on the loop. Not before start().
  void run(io::Task work, io::Task done);

 private:
  struct Errand {
    io::Task work, done;
  };
  void on_readable() override;
  void work();

  io::Loop& loop_;
  int finished_fd_ = -1;  ///< an eventfd
  io::WatchPtr watch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Errand> waiting_, finished_;  // guarded by mutex_, as is ending_
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace holdfast::vrrp
