// The server's context: certificates by name, tickets, protocol choice, client certificates.
#include <algorithm>
#include <cctype>
#include <map>

#include "proxy/io/tls_openssl.h"
#include "proxy/io/tls_tickets.h"

namespace holdfast::io {
namespace {

using namespace ossl;

constexpr long session_seconds = 2 * 3600;

class ServerContext final : public TlsContext, public std::enable_shared_from_this<ServerContext> {
 public:
  Status load(const TlsServerOptions& options);

  std::unique_ptr<TlsSession> session() const override {
    return make_session(shared_from_this(), default_, true, {}, nullptr);
  }
  std::int64_t expires() const override { return expires_; }

 private:
  /// Indexes of certificates, one a key type: what one OpenSSL context can hold.
  using Group = std::vector<std::size_t>;

  Result<SSL_CTX*> context_for(const Group& group, const TlsServerOptions& options);
  Status configure(SSL_CTX* context, const TlsServerOptions& options);
  Status ask_for_certificate(SSL_CTX* context, const std::string& ca);
  SSL_CTX* find(std::string_view name) const;

  static int on_server_name(SSL* ssl, int* alert, void* self);
  static int on_alpn(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                     unsigned offered_size, void* self);

  std::unique_ptr<TicketKeys> ticket_keys_;  ///< before the contexts, which use them; null: the process's
  std::vector<Certificate> certificates_;
  std::map<Group, ContextPtr> contexts_;
  std::map<std::string, SSL_CTX*, std::less<>> names_;  ///< "*.example.org" for wildcards
  SSL_CTX* default_ = nullptr;
  std::string alpn_;
  std::int64_t expires_ = 0;
};

Status ServerContext::load(const TlsServerOptions& options) {
  if (options.certificates.empty()) return fail(Blame::Operator, "TLS needs a certificate");
  auto alpn = alpn_wire(options.alpn);
  if (!alpn) return fail(Blame::Operator, "an ALPN name has 1 to 255 bytes");
  alpn_ = *alpn;
  if (!options.ticket_secret.empty()) ticket_keys_ = std::make_unique<TicketKeys>(options.ticket_secret);
  std::map<std::string, Group> groups_by_name;
  for (std::size_t i = 0; i < options.certificates.size(); ++i) {
    auto loaded = load_certificate(options.certificates[i], i < options.keys.size() ? options.keys[i] : "");
    if (!loaded) return std::unexpected(loaded.error());
    expires_ = i == 0 ? loaded->not_after : std::min(expires_, loaded->not_after);
    int type = EVP_PKEY_get_base_id(loaded->key.get());
    for (const std::string& name : loaded->names) {
      Group& group = groups_by_name[name];
      bool taken = std::any_of(group.begin(), group.end(), [&](std::size_t at) {
        return at == i || EVP_PKEY_get_base_id(certificates_[at].key.get()) == type;
      });
      if (!taken) group.push_back(i);
    }
    certificates_.push_back(std::move(*loaded));
  }
  const auto& first_names = certificates_.front().names;
  auto first = context_for(first_names.empty() ? Group{0} : groups_by_name[first_names.front()], options);
  if (!first) return std::unexpected(first.error());
  default_ = *first;
  for (const auto& [name, group] : groups_by_name) {
    auto context = context_for(group, options);
    if (!context) return std::unexpected(context.error());
    names_[name] = *context;
  }
  return {};
}

Result<SSL_CTX*> ServerContext::context_for(const Group& group, const TlsServerOptions& options) {
  ContextPtr& context = contexts_[group];
  if (context) return context.get();
  context = new_context(options.tls13_only);
  if (!context) return fail(Blame::Self, "no TLS context: " + take_reason());
  for (std::size_t i : group)
    if (auto used = use_certificate(context.get(), certificates_[i], options.certificates[i]); !used)
      return std::unexpected(used.error());
  if (auto good = configure(context.get(), options); !good) return std::unexpected(good.error());
  return context.get();
}

Status ServerContext::configure(SSL_CTX* context, const TlsServerOptions& options) {
  if (!options.ciphers.empty() && SSL_CTX_set_cipher_list(context, options.ciphers.c_str()) != 1) {
    take_reason();
    return fail(Blame::Operator, "no known cipher in \"" + options.ciphers + "\"");
  }
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, session_seconds);
  if (!options.tickets) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, options.tickets ? 1 : 0);
  if (options.tickets && !use_ticket_keys(context, ticket_keys_.get()))
    return fail(Blame::Self, "no ticket keys: " + take_reason());
  // SSL_CTX_set_tlsext_servername_callback, whose macro is an old-style cast.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(on_server_name));
  SSL_CTX_set_tlsext_servername_arg(context, this);
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context, on_alpn, this);
  return ask_for_certificate(context, options.client_ca);
}

// A ticket from a listener that asks for no certificate must not open one that does: the session id
// context, which OpenSSL compares on resumption, is a digest of the accepted authorities.
Status ServerContext::ask_for_certificate(SSL_CTX* context, const std::string& ca) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned size = 0;
  std::string accepted = "holdfast";
  if (!ca.empty()) {
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(ca.c_str());
    if (!names || SSL_CTX_load_verify_file(context, ca.c_str()) != 1) {
      sk_X509_NAME_pop_free(names, X509_NAME_free);
      return fail(Blame::Operator, "no client CA certificate in " + ca + ": " + take_reason());
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    STACK_OF(X509_OBJECT)* objects = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
    for (int i = 0; i < sk_X509_OBJECT_num(objects); ++i) {
      const X509* authority = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
      if (authority && X509_digest(authority, EVP_sha256(), digest, &size) == 1)
        accepted.append(reinterpret_cast<const char*>(digest), size);
    }
  }
  if (EVP_Digest(accepted.data(), accepted.size(), digest, &size, EVP_sha256(), nullptr) != 1 ||
      SSL_CTX_set_session_id_context(context, digest, SSL_MAX_SID_CTX_LENGTH) != 1)
    return fail(Blame::Self, "no session id context: " + take_reason());
  return {};
}

// RFC 6125 section 6.4.3: a wildcard stands for one whole label, the leftmost.
SSL_CTX* ServerContext::find(std::string_view name) const {
  if (auto exact = names_.find(name); exact != names_.end()) return exact->second;
  auto dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  auto wild = names_.find("*" + std::string(name.substr(dot)));
  return wild == names_.end() ? nullptr : wild->second;
}

int ServerContext::on_server_name(SSL* ssl, int*, void* self) {
  const char* sent = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!sent) return SSL_TLSEXT_ERR_NOACK;
  std::string& name = server_name_of(ssl);
  name = sent;
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!name.empty() && name.back() == '.') name.pop_back();
  SSL_CTX* found = static_cast<ServerContext*>(self)->find(name);
  if (!found) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, found);
  return SSL_TLSEXT_ERR_OK;
}

// RFC 7301 section 3.2: the server's order decides; nothing in common is a fatal alert.
int ServerContext::on_alpn(SSL*, const unsigned char** chosen, unsigned char* size,
                           const unsigned char* offered, unsigned offered_size, void* self) {
  const std::string& own = static_cast<ServerContext*>(self)->alpn_;
  unsigned char* found = nullptr;
  int agreed =
      SSL_select_next_proto(&found, size, raw(own), static_cast<unsigned>(own.size()), offered, offered_size);
  *chosen = found;
  return agreed == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsServerOptions& options) {
  auto context = std::make_shared<ServerContext>();
  if (auto loaded = context->load(options); !loaded) return std::unexpected(loaded.error());
  return context;
}

}  // namespace holdfast::io
