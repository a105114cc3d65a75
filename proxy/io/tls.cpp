// What both sides' contexts have in common.
#include "proxy/io/tls.h"

#include "proxy/io/tls_openssl.h"

namespace holdfast::io::ossl {
namespace {

// TLS 1.2 with forward secrecy and AEAD only (RFC 7525 section 4.2); the cheap 128-bit ones first.
constexpr char default_ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr char tls13_ciphers[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr char groups[] = "X25519:P-256:P-384";

}  // namespace

ContextPtr new_context(bool tls13_only) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(TLS_method()));
  if (!context) return nullptr;
  SSL_CTX* c = context.get();
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Buffers are freed while idle; a chain is sent as it is in the file, not searched at each handshake.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  bool good = SSL_CTX_set_min_proto_version(c, tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
              SSL_CTX_set_cipher_list(c, default_ciphers) == 1 &&
              SSL_CTX_set_ciphersuites(c, tls13_ciphers) == 1 && SSL_CTX_set1_groups_list(c, groups) == 1;
  return good ? std::move(context) : nullptr;
}

std::optional<std::string> alpn_wire(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255) return std::nullopt;
    wire.push_back(static_cast<char>(name.size()));
    wire += name;
  }
  return wire;
}

}  // namespace holdfast::io::ossl
