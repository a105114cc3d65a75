// Contexts of two that share a key: the peer channel between the nodes of a pair.
#include "proxy/base/crypto.h"
#include "proxy/base/secret.h"
#include "proxy/io/tls_openssl.h"

namespace holdfast::io {
namespace {

using namespace ossl;

constexpr std::size_t key_size = 32, max_identity = 128;
constexpr char suite[] = "TLS_AES_128_GCM_SHA256";
constexpr unsigned char suite_code[] = {0x13, 0x01};  // RFC 8446 appendix B.4

class PskContext final : public TlsContext, public std::enable_shared_from_this<PskContext> {
 public:
  PskContext(bool server, std::string identity, std::string key)
      : server_(server), identity_(std::move(identity)), key_(std::move(key)) {}
  ~PskContext() override { wipe(key_); }

  Status load();
  std::unique_ptr<TlsSession> session() const override {
    return make_session(shared_from_this(), context_.get(), server_, {}, nullptr);
  }
  std::int64_t expires() const override { return 0; }

 private:
  static PskContext& of(SSL* ssl) {
    return *static_cast<PskContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  }
  SSL_SESSION* make_secret(SSL* ssl) const;
  static int on_find(SSL* ssl, const unsigned char* identity, std::size_t size, SSL_SESSION** found);
  static int on_use(SSL* ssl, const EVP_MD* digest, const unsigned char** identity, std::size_t* size,
                    SSL_SESSION** used);

  bool server_;
  std::string identity_, key_;
  ContextPtr context_;
};

// Keys alone without Diffie-Hellman are what SSL_OP_ALLOW_NO_DHE_KEX would allow; it stays off.
Status PskContext::load() {
  if (key_.size() != key_size) return fail(Blame::Self, "a shared key has 32 bytes");
  if (identity_.empty() || identity_.size() > max_identity)
    return fail(Blame::Self, "the identity of a shared key has 1 to 128 bytes");
  context_ = new_context(true);
  SSL_CTX* c = context_.get();
  if (!c || SSL_CTX_set_ciphersuites(c, suite) != 1 || SSL_CTX_set_num_tickets(c, 0) != 1 ||
      SSL_CTX_set_max_early_data(c, 0) != 1)
    return fail(Blame::Self, "no TLS context: " + take_reason());
  SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_app_data(c, this);
  if (server_) {
    SSL_CTX_set_psk_find_session_callback(c, on_find);
  } else {
    SSL_CTX_set_psk_use_session_callback(c, on_use);
    // A server without the key could offer a certificate instead. No authority is known here, so none passes.
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER, nullptr);
  }
  return {};
}

SSL_SESSION* PskContext::make_secret(SSL* ssl) const {
  SavedSessionPtr session(SSL_SESSION_new());
  const SSL_CIPHER* cipher = SSL_CIPHER_find(ssl, suite_code);
  bool good = session && cipher && SSL_SESSION_set1_master_key(session.get(), raw(key_), key_.size()) == 1 &&
              SSL_SESSION_set_cipher(session.get(), cipher) == 1 &&
              SSL_SESSION_set_protocol_version(session.get(), TLS1_3_VERSION) == 1;
  return good ? session.release() : nullptr;
}

// Another identity is no error of ours: without a certificate the handshake finds nothing in common and ends.
int PskContext::on_find(SSL* ssl, const unsigned char* identity, std::size_t size, SSL_SESSION** found) {
  const PskContext& self = of(ssl);
  *found = nullptr;
  if (self.identity_ != std::string_view(reinterpret_cast<const char*>(identity), size)) return 1;
  *found = self.make_secret(ssl);
  return *found ? 1 : 0;
}

// `digest` is set when the server has chosen already (a second ClientHello): then the key must fit it.
int PskContext::on_use(SSL* ssl, const EVP_MD* digest, const unsigned char** identity, std::size_t* size,
                       SSL_SESSION** used) {
  const PskContext& self = of(ssl);
  *used = nullptr;
  if (digest && EVP_MD_get_type(digest) != NID_sha256) return 1;
  *identity = raw(self.identity_);
  *size = self.identity_.size();
  *used = self.make_secret(ssl);
  return *used ? 1 : 0;
}

Result<std::shared_ptr<const TlsContext>> make(bool server, std::string identity, std::string key) {
  auto context = std::make_shared<PskContext>(server, std::move(identity), std::move(key));
  if (auto loaded = context->load(); !loaded) return std::unexpected(loaded.error());
  return context;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::psk_server(std::string identity, std::string key) {
  return make(true, std::move(identity), std::move(key));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::psk_client(std::string identity, std::string key) {
  return make(false, std::move(identity), std::move(key));
}

}  // namespace holdfast::io
