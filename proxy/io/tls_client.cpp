// The client's context: what it verifies, and the session that makes the next handshake cheap.
#include <mutex>

#include "proxy/base/address.h"
#include "proxy/io/tls_openssl.h"

namespace holdfast::io {
namespace {

using namespace ossl;

class ClientContext final : public TlsContext, public std::enable_shared_from_this<ClientContext> {
 public:
  Status load(const TlsClientOptions& options);

  // Each connection gets its own copy: OpenSSL changes a session while a handshake uses it.
  std::unique_ptr<TlsSession> session() const override {
    SavedSessionPtr saved;
    {
      std::lock_guard lock(mutex_);
      if (saved_) saved.reset(SSL_SESSION_dup(saved_.get()));
    }
    return make_session(shared_from_this(), context_.get(), false, server_name_, saved.get());
  }
  std::int64_t expires() const override { return expires_; }

 private:
  Status verify(const TlsClientOptions& options);
  static int on_session(SSL* ssl, SSL_SESSION* session);

  ContextPtr context_;
  std::string server_name_;
  std::int64_t expires_ = 0;
  mutable std::mutex mutex_;
  mutable SavedSessionPtr saved_;  ///< the last session: it makes the next handshake cheap
};

Status ClientContext::load(const TlsClientOptions& options) {
  context_ = new_context(false);
  if (!context_) return fail(Blame::Self, "no TLS context: " + take_reason());
  auto alpn = alpn_wire(options.alpn);
  if (!alpn) return fail(Blame::Operator, "an ALPN name has 1 to 255 bytes");
  // Unlike its neighbours this one returns 0 for success.
  if (!alpn->empty() &&
      SSL_CTX_set_alpn_protos(context_.get(), raw(*alpn), static_cast<unsigned>(alpn->size())) != 0)
    return fail(Blame::Operator, "the ALPN names are too long");
  if (!options.certificate.empty()) {
    auto own = load_certificate(options.certificate, {});
    if (!own) return std::unexpected(own.error());
    if (auto used = use_certificate(context_.get(), *own, options.certificate); !used) return used;
    expires_ = own->not_after;
  }
  SSL_CTX_set_app_data(context_.get(), this);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_.get(), on_session);
  return verify(options);
}

// RFC 6066 section 3 forbids addresses in SNI; RFC 6125 forbids partial wildcards.
Status ClientContext::verify(const TlsClientOptions& options) {
  bool is_address = Address::from_ip(options.name, 0).has_value();
  if (!is_address) server_name_ = options.name;
  if (!options.verify) return {};
  if (options.name.empty())
    return fail(Blame::Operator, "a name to expect in the server's certificate is missing");
  SSL_CTX* context = context_.get();
  int loaded = options.ca.empty() ? SSL_CTX_set_default_verify_paths(context)
                                  : SSL_CTX_load_verify_file(context, options.ca.c_str());
  if (loaded != 1) {
    std::string from = options.ca.empty() ? "the system's store" : options.ca;
    return fail(Blame::Operator, "no CA certificate in " + from + ": " + take_reason());
  }
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  int set = is_address ? X509_VERIFY_PARAM_set1_ip_asc(expected, options.name.c_str())
                       : X509_VERIFY_PARAM_set1_host(expected, options.name.data(), options.name.size());
  if (set != 1) return fail(Blame::Operator, "\"" + options.name + "\" cannot be expected in a certificate");
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return {};
}

int ClientContext::on_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = static_cast<ClientContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (SSL_SESSION_is_resumable(session) != 1) return 0;
  SavedSessionPtr copy(SSL_SESSION_dup(session));
  std::lock_guard lock(self->mutex_);
  self->saved_.swap(copy);
  return 0;  // the reference that came with the call was not kept
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const TlsClientOptions& options) {
  auto context = std::make_shared<ClientContext>();
  if (auto loaded = context->load(options); !loaded) return std::unexpected(loaded.error());
  return context;
}

}  // namespace holdfast::io
