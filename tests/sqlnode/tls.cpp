#include "tests/sqlnode/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace holdfast::sqlnode {
namespace {

std::string why() {
  char text[256] = "no reason";
  if (const auto code = ERR_get_error(); code != 0) ERR_error_string_n(code, text, sizeof text);
  ERR_clear_error();
  return text;
}

// "SSL_Self_Signed_Fallback" is what SQL Server calls its own.
bool use_own_certificate(SSL_CTX* context) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 30L * 24 * 3600);
  X509_NAME* name = X509_get_subject_name(certificate);
  const auto* text = reinterpret_cast<const unsigned char*>("SSL_Self_Signed_Fallback");
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  const bool ok = X509_sign(certificate, key, EVP_sha256()) > 0 &&
                  SSL_CTX_use_certificate(context, certificate) == 1 &&
                  SSL_CTX_use_PrivateKey(context, key) == 1;
  X509_free(certificate);
  EVP_PKEY_free(key);
  return ok;
}

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
                unsigned size, void*) {
  const Bytes offered(reinterpret_cast<const char*>(in), size);
  for (std::size_t at = 0; at < offered.size(); at += 1 + static_cast<unsigned char>(offered[at])) {
    const auto length = static_cast<unsigned char>(offered[at]);
    if (offered.substr(at + 1, length) != "tds/8.0") continue;
    *out = in + at + 1;
    *out_size = length;
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

SSL_CTX* make_context(const std::string& pem) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A ticket after the handshake would reach a client of login-only encryption as TDS.
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  const bool ok = pem.empty() ? use_own_certificate(context)
                              : SSL_CTX_use_certificate_chain_file(context, pem.c_str()) == 1 &&
                                    SSL_CTX_use_PrivateKey_file(context, pem.c_str(), SSL_FILETYPE_PEM) == 1;
  if (ok) return context;
  SSL_CTX_free(context);
  return nullptr;
}

}  // namespace

Result<std::unique_ptr<TlsCertificate>> TlsCertificate::load(const std::string& pem) {
  std::unique_ptr<TlsCertificate> out(new TlsCertificate);
  out->wrapped_ = make_context(pem);
  out->strict_ = make_context(pem);
  if (out->wrapped_ == nullptr || out->strict_ == nullptr)
    return fail(Blame::Operator, "certificate: " + why());
  SSL_CTX_set_max_proto_version(out->wrapped_, TLS1_2_VERSION);
  SSL_CTX_set_alpn_select_cb(out->strict_, choose_alpn, nullptr);
  return out;
}

TlsCertificate::~TlsCertificate() {
  SSL_CTX_free(wrapped_);
  SSL_CTX_free(strict_);
}

TlsSession::TlsSession(ssl_ctx_st* context) : ssl_(SSL_new(context)) {
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl_);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

void TlsSession::drain(std::string& out) {
  char buffer[16384];
  for (int n = 0; (n = BIO_read(SSL_get_wbio(ssl_), buffer, sizeof buffer)) > 0;)
    out.append(buffer, static_cast<std::size_t>(n));
}

Result<bool> TlsSession::handshake(Bytes in, std::string& out) {
  BIO_write(SSL_get_rbio(ssl_), in.data(), static_cast<int>(in.size()));
  const int result = SSL_do_handshake(ssl_);
  drain(out);
  if (result == 1) return true;
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return false;
  return fail(Blame::Client, "TLS: " + why());
}

bool TlsSession::decrypt(Bytes in, std::string& plain) {
  BIO_write(SSL_get_rbio(ssl_), in.data(), static_cast<int>(in.size()));
  char buffer[16384];
  while (true) {
    const int n = SSL_read(ssl_, buffer, sizeof buffer);
    if (n <= 0) return SSL_get_error(ssl_, n) == SSL_ERROR_WANT_READ;
    plain.append(buffer, static_cast<std::size_t>(n));
  }
}

bool TlsSession::encrypt(Bytes plain, std::string& out) {
  while (!plain.empty()) {
    const int n = SSL_write(ssl_, plain.data(), static_cast<int>(plain.size()));
    if (n <= 0) return false;
    plain.remove_prefix(static_cast<std::size_t>(n));
  }
  drain(out);
  return true;
}

}  // namespace holdfast::sqlnode
