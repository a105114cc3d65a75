#include "proxy/io/tls_tickets.h"

#include <algorithm>
#include <cstring>
#include <ctime>

#include "proxy/base/crypto.h"
#include "proxy/base/secret.h"
#include "proxy/io/tls_openssl.h"

namespace holdfast::io {
namespace {

std::optional<TicketKey> make_key() {
  TicketKey key;
  bool good = RAND_bytes(key.name.data(), static_cast<int>(key.name.size())) == 1 &&
              RAND_priv_bytes(key.cipher.data(), static_cast<int>(key.cipher.size())) == 1 &&
              RAND_priv_bytes(key.mac.data(), static_cast<int>(key.mac.size())) == 1;
  if (!good) return std::nullopt;
  return key;
}

TicketKey derive_ticket_key(const std::string& secret, std::int64_t period) {
  TicketKey key;
  const std::size_t size = key.name.size() + key.cipher.size() + key.mac.size();
  std::string bytes = derive_key(secret, "tickets/" + std::to_string(period), size);
  auto from = bytes.begin();
  for (auto [into, n] : {std::pair{key.name.data(), key.name.size()},
                         {key.cipher.data(), key.cipher.size()},
                         {key.mac.data(), key.mac.size()}}) {
    std::copy_n(from, n, into);
    from += static_cast<std::ptrdiff_t>(n);
  }
  wipe(bytes);
  return key;
}

TicketKeys& process_keys() {
  static TicketKeys keys;
  return keys;
}

std::int64_t seconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return t.tv_sec;
}

/// The keys that this connection's tickets are sealed with, and the time on their clock.
std::pair<TicketKeys&, std::int64_t> keys_of(SSL* ssl) {
  auto* shared = static_cast<TicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (shared) return {*shared, seconds_of(CLOCK_REALTIME)};
  return {process_keys(), seconds_of(CLOCK_BOOTTIME)};
}

bool set_keys(const TicketKey& key, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seal) {
  TicketKey copy = key;
  char digest[] = "SHA256";
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy.mac.data(), copy.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end(),
  };
  bool good = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, copy.cipher.data(), iv, seal) == 1 &&
              EVP_MAC_CTX_set_params(mac, parameters) == 1;
  OPENSSL_cleanse(&copy, sizeof copy);
  return good;
}

// RFC 5077 section 4. Returns 0 for "no ticket" or "unknown ticket", which costs a full handshake.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seal) {
  auto [keys, now] = keys_of(ssl);
  if (seal) {
    auto key = keys.sealing(now);
    if (!key || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return 0;
    std::memcpy(name, key->name.data(), key->name.size());
    return set_keys(*key, iv, cipher, mac, 1) ? 1 : -1;
  }
  auto found = keys.opening({reinterpret_cast<const char*>(name), 16}, now);
  if (!found) return 0;
  if (!set_keys(found->key, iv, cipher, mac, 0)) return -1;
  return found->stale ? 2 : 1;
}

}  // namespace

TicketKeys::~TicketKeys() { wipe(secret_); }

// A period's key depends on its number alone, so nodes whose clocks differ by less than one agree.
void TicketKeys::derive(std::int64_t now) {
  const std::int64_t period = now / rotation;
  if (current_ && since_ == period * rotation) return;
  previous_ = derive_ticket_key(secret_, period - 1);
  current_ = derive_ticket_key(secret_, period);
  next_ = derive_ticket_key(secret_, period + 1);
  since_ = period * rotation;
}

bool TicketKeys::rotate(std::int64_t now) {
  if (!secret_.empty()) return derive(now), true;
  if (current_ && now - since_ < rotation) return true;
  auto fresh = make_key();
  if (!fresh) return false;
  bool recent = current_ && now - since_ < 2 * rotation;
  if (recent)
    previous_ = current_;
  else
    previous_.reset();
  current_ = fresh;
  since_ = now;
  return true;
}

std::optional<TicketKey> TicketKeys::sealing(std::int64_t now) {
  std::lock_guard lock(mutex_);
  if (!rotate(now)) return std::nullopt;
  return current_;
}

std::optional<TicketKeys::Found> TicketKeys::opening(std::string_view name, std::int64_t now) {
  std::lock_guard lock(mutex_);
  if (!rotate(now)) return std::nullopt;
  auto is = [&](const std::optional<TicketKey>& key) {
    return key && std::equal(key->name.begin(), key->name.end(), name.begin(), name.end(),
                             [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); });
  };
  if (is(current_)) return Found{*current_, false};
  if (is(previous_)) return Found{*previous_, true};
  if (is(next_)) return Found{*next_, true};
  return std::nullopt;
}

bool ossl::use_ticket_keys(SSL_CTX* context, TicketKeys* keys) {
  SSL_CTX_set_app_data(context, keys);
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
}

}  // namespace holdfast::io
