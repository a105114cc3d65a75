// What `run` asks of the operating system before it serves: limits, signals, and the user it runs as.
#pragma once

#include <string>

#include "conf/snapshot.h"
#include "proxy/base/result.h"

namespace holdfast {

/// Data loops to run: `configured`, or if that is 0 one per processor that this process may use.
unsigned loop_count(unsigned configured);
/// Standard descriptors that were closed become /dev/null: else a socket would take such a number, and a
/// message to standard error would go to a caller. Open for reading only, so that a write still fails.
void fill_standard_descriptors();
/// Whether the limit of open files is enough to start at all.
Status check_descriptor_limit(const conf::Snapshot& snapshot);
void raise_descriptor_limit();  ///< the soft limit to the hard one
/// A core file would hold keys, passwords and whatever callers sent.
void forbid_core_files();
void ignore_broken_pipes();     ///< a write to a closed pipe is an error, not an end
/// Gives up root for good: groups, group and user. Nothing to do if we are that user already. After it
/// no port below the system's limit can be bound, and files are read with that user's rights.
Status switch_user(const std::string& name);

}  // namespace holdfast
