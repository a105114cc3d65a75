// ALL_HEADERS (MS-TDS 2.2.5.3): what precedes a batch, an RPC and a transaction manager request since 7.2.
// It repeats the transaction descriptor that the client holds, which tells a relay whether the client
// believes in a transaction.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

namespace holdfast::tds {

struct AllHeaders {
  std::size_t size = 0;               ///< bytes it takes at the front of the payload
  bool has_transaction = false;
  std::uint64_t descriptor = 0;       ///< 0: autocommit
  std::uint32_t outstanding = 1;
  std::size_t descriptor_at = 0;      ///< offset of the eight bytes of the descriptor in the payload; 0: none
};

inline constexpr std::size_t all_headers_max = 16 * 1024;  ///< bytes that are believed

/// `payload` is a request's, at least its first packet's. Lengths that do not add up are errors.
Result<AllHeaders> parse_all_headers(Bytes payload);
/// Only the transaction header, which is required.
void append_all_headers(std::string& out, std::uint64_t descriptor, std::uint32_t outstanding = 1);

}  // namespace holdfast::tds
