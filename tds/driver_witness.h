// Asks the witness, every quarter of a second while there is anything to ask, on a thread of its own. The
// control loop owns it and makes every call: it says where the row is and what this node may do, and hears
// a verdict each time. No answer in time is no information: the verdict is 0, and nothing is decided by it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "conf/snapshot.h"
#include "proxy/io/io.h"
#include "tds/driver_freetds.h"
#include "tds/witness.h"

namespace holdfast::tds {

class WitnessAsker final : private io::WatchEvents, private io::TimerEvents {
 public:
  static constexpr Duration every = Duration::millis(250);
  static constexpr Duration patience =
      Duration::millis(700);  ///< an answer that comes later counts for nothing

  using Verdict = std::function<void(const WitnessAnswer& answer)>;

  /// `verdict` is called at each answer and for each missing one, never from inside a call.
  WitnessAsker(io::Loop& control, std::string cluster, std::string node, Verdict verdict);
  ~WitnessAsker();

  /// Where the service's primary is, and how its monitor logs in; null: nowhere, and nothing is asked.
  void at(const conf::Instance* primary, const conf::SqlMonitor* monitor);
  void may(WitnessAct act) { act_ = act; }

 private:
  class Thread;

  void on_readable() override;
  void on_timer() override;
  void ask();
  void nothing(std::string why);

  io::Loop& loop_;
  const std::string cluster_, node_;
  Verdict verdict_;
  std::unique_ptr<SqlServer> server_;  ///< null: nowhere
  WitnessAct act_ = WitnessAct::Read;
  bool asking_ = false;
  Instant began_;
  std::uint64_t number_ = 0;  ///< of the last question
  io::TimerPtr timer_;
  std::unique_ptr<Thread> thread_;
  io::WatchPtr watch_;
};

}  // namespace holdfast::tds
