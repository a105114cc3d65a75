// Whether the addresses of listeners are free. The data loops share each address by SO_REUSEPORT, and the
// kernel lets a second holdfast of the same user join them without a word: each would get half of the
// callers. A bind without that option, which listens to nothing and is undone at once, tells. The
// running process asks before it binds what it does not hold yet.
#pragma once

#include "conf/snapshot.h"
#include "proxy/base/result.h"

namespace holdfast {

/// Of the ports that no listener of `held` has; null: of all. The error names the listener and the remedy.
Status check_addresses_free(const conf::Snapshot& wanted, const conf::Snapshot* held);

}  // namespace holdfast
