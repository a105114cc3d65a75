// The decorator of an accepted stream on a listener that takes the PROXY protocol. It reads the header
// before its owner may read anything, reports on_connected, and is transparent from then on, except that
// peer() and local() are what the header said. It may be what make_tls_stream is given.
#pragma once

#include "proxy/io/io.h"

namespace holdfast::io {

/// Starts reading `raw` at once. No header, or a wrong one: Fault::Protocol with the reason; there is no
/// time-out in it, the owner has one. Bytes after the header wait until the owner reads.
StreamPtr make_proxy_stream(Loop& loop, StreamPtr raw, StreamEvents& events);

}  // namespace holdfast::io
