// Keyed hashes and random bytes, over OpenSSL. Keys and results are raw bytes; nothing here logs or keeps
// a key. TLS is proxy/io's matter.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace holdfast {

using Digest = std::array<std::uint8_t, 32>;

/// HMAC-SHA256 (RFC 2104) of `data` under `key`.
Digest hmac_sha256(Bytes key, Bytes data);
/// A key for one purpose, derived from a secret (HKDF-SHA256, RFC 5869; `label` is the info). `size` is 1 to
/// 255.
std::string derive_key(Bytes secret, std::string_view label, std::size_t size = 32);
/// Takes as long for equal as for different bytes of one length.
bool equal_in_constant_time(Bytes a, Bytes b);
/// From the kernel's generator; never fails.
std::string random_bytes(std::size_t size);

}  // namespace holdfast
