// Private to tls*.cpp: the one place where OpenSSL's headers come in, its objects as owned values, and
// the parts that the contexts are put together from. Nothing outside proxy/io may include this file.
#pragma once

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/tls.h"

namespace holdfast::io {
class TicketKeys;
}

namespace holdfast::io::ossl {

template <auto Function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};
inline void free_chain(STACK_OF(X509) * chain) { sk_X509_pop_free(chain, X509_free); }
inline void free_text(void* text) { OPENSSL_free(text); }

using ContextPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Free<SSL_free>>;
using SavedSessionPtr = std::unique_ptr<SSL_SESSION, Free<SSL_SESSION_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), Free<free_chain>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;

/// The reason of the first error in this thread's queue, which it empties.
std::string take_reason();

/// A certificate with its chain and key, read from PEM files and found to belong together.
struct Certificate {
  X509Ptr leaf;
  ChainPtr chain;                  ///< without the leaf; may be empty
  KeyPtr key;
  std::vector<std::string> names;  ///< DNS names in lower case, "*.example.org" included
  std::int64_t not_after = 0;      ///< earliest end in the whole chain, seconds since 1970
};
/// An empty `key_file` means that the key is in `file` too. Keys with a pass phrase are refused.
Result<Certificate> load_certificate(const std::string& file, const std::string& key_file);
Status use_certificate(SSL_CTX* context, const Certificate& certificate, const std::string& file);

/// Makes `context` seal its session tickets with `keys` (tls_tickets.h), which outlive it; null: with the
/// keys of the process. Takes the context's app data.
bool use_ticket_keys(SSL_CTX* context, TicketKeys* keys);

/// Options common to both sides: versions, no compression, no renegotiation, buffers freed when idle.
ContextPtr new_context(bool tls13_only);

/// Length-prefixed protocol names (RFC 7301 section 3.1). Empty if a name cannot be sent.
std::optional<std::string> alpn_wire(const std::vector<std::string>& names);
inline const unsigned char* raw(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

/// What OpenSSL's callbacks find behind an SSL object: the session that it belongs to.
std::string& server_name_of(SSL* ssl);

/// `owner` stays alive as long as the session. `saved` may be null; it is offered for resumption.
std::unique_ptr<TlsSession> make_session(std::shared_ptr<const TlsContext> owner, SSL_CTX* context,
                                         bool server, const std::string& server_name, SSL_SESSION* saved);

}  // namespace holdfast::io::ossl
