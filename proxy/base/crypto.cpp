#include "proxy/base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "proxy/base/check.h"
#include "proxy/base/secret.h"

namespace holdfast {

namespace {

const unsigned char* octets(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

Bytes view(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

}  // namespace

Digest hmac_sha256(Bytes key, Bytes data) {
  // OpenSSL takes a null key for "the same key as before".
  if (key.empty()) key = Bytes("", 0);
  Digest digest{};
  unsigned size = 0;
  const unsigned char* made = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), octets(data),
                                   data.size(), digest.data(), &size);
  CHECK(made && size == digest.size());
  return digest;
}

std::string derive_key(Bytes secret, std::string_view label, std::size_t size) {
  CHECK(size >= 1 && size <= 255);
  // RFC 5869 section 2.2: without a salt, one of zeros as long as the hash.
  const std::string salt(sizeof(Digest), '\0');
  Digest pseudo_random_key = hmac_sha256(salt, secret);
  // RFC 5869 section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i); 255 bytes are at most eight of them.
  std::string key, block;
  for (char i = 1; key.size() < size; ++i) {
    std::string input = block;
    input.append(label).push_back(i);
    Digest digest = hmac_sha256(view(pseudo_random_key), input);
    wipe(input);
    wipe(block);
    block = view(digest);
    key += block;
    OPENSSL_cleanse(digest.data(), digest.size());
  }
  wipe(block);
  OPENSSL_cleanse(pseudo_random_key.data(), pseudo_random_key.size());
  key.resize(size);
  return key;
}

bool equal_in_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string random_bytes(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t filled = 0; filled < size;) {
    const ssize_t got = getrandom(out.data() + filled, size - filled, 0);
    CHECK(got > 0 || errno == EINTR);
    filled += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
  }
  return out;
}

}  // namespace holdfast
