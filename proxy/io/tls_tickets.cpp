#include "proxy/io/tls_tickets.h"

#include <algorithm>
#include <cstring>
#include <ctime>

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

TicketKeys& process_keys() {
  static TicketKeys keys;
  return keys;
}

std::int64_t seconds_up() {
  timespec t{};
  clock_gettime(CLOCK_BOOTTIME, &t);
  return t.tv_sec;
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
int on_ticket(SSL*, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seal) {
  std::int64_t now = seconds_up();
  if (seal) {
    auto key = process_keys().sealing(now);
    if (!key || RAND_bytes(iv, EVP_MAX_IV_LENGTH) != 1) return 0;
    std::memcpy(name, key->name.data(), key->name.size());
    return set_keys(*key, iv, cipher, mac, 1) ? 1 : -1;
  }
  auto found = process_keys().opening({reinterpret_cast<const char*>(name), 16}, now);
  if (!found) return 0;
  if (!set_keys(found->key, iv, cipher, mac, 0)) return -1;
  return found->stale ? 2 : 1;
}

}  // namespace

bool TicketKeys::rotate(std::int64_t now) {
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
  return std::nullopt;
}

bool ossl::use_ticket_keys(SSL_CTX* context) {
  return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
}

}  // namespace holdfast::io
