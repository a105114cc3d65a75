// The PROXY protocol, versions 1 and 2: a header by which a balancer before Holdfast tells who the client
// is, and by which Holdfast tells an instance. Pure bytes in and values out; the stream that reads it is
// proxy_stream.h. The specification is HAProxy's proxy-protocol.txt; sections cited are its.
#pragma once

#include <optional>
#include <string>

#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace holdfast {

/// Bytes of a version 1 line, CRLF included (section 2.1).
inline constexpr std::size_t proxy_v1_max = 107;
/// Bytes after the fixed 16 of a version 2 header: addresses and the TLVs, which are skipped.
inline constexpr std::size_t proxy_v2_max = 4096;

struct ProxyHeader {
  bool local = false;       ///< LOCAL or UNKNOWN: the connection's own addresses hold
  Address source;           ///< the client; family None if local
  Address destination;      ///< where the client had connected to
  std::size_t length = 0;   ///< bytes of the header; what follows is the client's
};

/// Reads the header at the start of `bytes`. Empty: more bytes are needed, and no more than the limits
/// above allow. An error as soon as the bytes cannot become a header.
Result<std::optional<ProxyHeader>> read_proxy_header(Bytes bytes);

/// Appends a header of version 1 or 2. Addresses of unlike families make one that says "unknown".
void write_proxy_header(unsigned version, const Address& source, const Address& destination,
                        std::string& out);

}  // namespace holdfast
