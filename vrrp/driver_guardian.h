// The guardian: the parent process, which does nothing but wait for the worker, its child, to die or to fall
// silent. It then takes the virtual addresses off this host, says farewell in VRRP, and starts the worker
// anew. It is forked before any thread exists and before any secret is read, parses nothing, and has no state
// but the shared page (driver_guard_page.h). After a binary upgrade it follows the process that has claimed
// the page.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "proxy/base/time.h"

namespace holdfast::vrrp {

struct GuardOptions {
  /// The program proper. Runs in the child; what it returns is that process's exit code.
  std::function<int()> worker;
  /// What a worker is restarted from: the file may be newer than this process. Empty: `worker` again.
  std::string program;
  std::vector<std::string> arguments;  ///< argv[0] included
  Duration delay_min = 100_ms, delay_max = 5_s;  ///< before a restart; doubles
  Duration settled = 60_s;  ///< who lived so long is restarted after delay_min again
  Duration silence = 2_s;  ///< without a beat: its addresses are taken away
};

/// Returns twice: in the worker with what `worker` returned, in the guardian with the exit code for the
/// whole. Call it early in main(), with no thread started. If this process has a guardian already (it is the
/// next program of an upgrade or a restarted one) it only runs `worker`; so it does, and logs it, where no
/// guardian can be had.
///
/// A worker that dies by a signal or with another code than 0 is started again if one was ready before (ever
/// since the guardian started); otherwise its code is the whole's, or 128 plus the signal. Code 0 ends the
/// whole, unless another living process has claimed the page. TERM, INT, HUP, USR1 and USR2 go on to the
/// worker; after TERM or INT none is restarted.
int guard(const GuardOptions& options);

}  // namespace holdfast::vrrp
