#include <algorithm>
#include <climits>
#include <cstring>
#include <optional>

#include "proxy/base/check.h"
#include "proxy/io/tls_openssl.h"

namespace holdfast::io::ossl {
namespace {

class SslSession;
SslSession* session_of(SSL* ssl) { return static_cast<SslSession*>(SSL_get_app_data(ssl)); }

// OpenSSL reads and writes through this BIO straight from the span and into the string of the call in
// progress: a memory BIO would copy each byte once more and keep its buffers while the peer is idle.
int bio_read(BIO* bio, char* to, std::size_t size, std::size_t* done);
int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* done);
long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* bio_method() {
  static BIO_METHOD* method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "holdfast bytes");
    CHECK(made);
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    BIO_meth_set_create(made, bio_create);
    return made;
  }();
  return method;
}

// SSL_get_error needs an empty queue. Clearing visits all of its entries, looking does not.
void expect_no_errors() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

// One line for the log, in the words of whoever has to mend it.
std::string explain(SSL* ssl, unsigned long code) {
  int reason = ERR_GET_REASON(code);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL) {
    if (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST)
      return "plain HTTP request on a TLS port";
    if (reason >= SSL_AD_REASON_OFFSET)
      return std::string("refused by the peer: ") + SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
      return std::string("certificate not accepted: ") +
             X509_verify_cert_error_string(SSL_get_verify_result(ssl));
  }
  const char* text = code ? ERR_reason_error_string(code) : nullptr;
  return text ? text : "protocol error";
}

class SslSession final : public TlsSession {
 public:
  SslSession(std::shared_ptr<const TlsContext> owner, SslPtr ssl, bool server, const std::string& server_name)
      : owner_(std::move(owner)), ssl_(std::move(ssl)) {
    SSL_set_app_data(ssl_.get(), this);
    BIO* bio = BIO_new(bio_method());
    CHECK(bio);
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_.get(), bio, bio);
    info_.server_name = server_name;
    if (server)
      SSL_set_accept_state(ssl_.get());
    else
      SSL_set_connect_state(ssl_.get());
  }

  // SSL_set_max_proto_version, whose macro ends in an old-style cast.
  void limit_to_tls12() override {
    SSL_ctrl(ssl_.get(), SSL_CTRL_SET_MAX_PROTO_VERSION, TLS1_2_VERSION, nullptr);
  }

  Result<Step> feed(Bytes cipher, char* plain, std::size_t plain_size, std::string& out) override {
    Attach attached(*this, cipher, out);
    Step step;
    if (late_) return std::unexpected(*late_);
    expect_no_errors();
    if (!done_) {
      int shaken = SSL_do_handshake(ssl_.get());
      step.taken = cipher.size() - in_.size();
      if (shaken != 1) return after(shaken, step);
      finish_handshake();
      step.handshake_done = true;
      return step;
    }
    int last = 1;
    while (step.plain < plain_size && (!in_.empty() || SSL_pending(ssl_.get()) > 0)) {
      int room = static_cast<int>(std::min<std::size_t>(plain_size - step.plain, INT_MAX));
      last = SSL_read(ssl_.get(), plain + step.plain, room);
      if (last <= 0) break;
      step.plain += static_cast<std::size_t>(last);
    }
    step.taken = cipher.size() - in_.size();
    return last > 0 ? step : after(last, step);
  }

  Status encrypt(Bytes plain, std::string& out) override {
    if (!done_) return fail(Blame::Self, "written before the TLS handshake was done");
    Attach attached(*this, {}, out);
    expect_no_errors();
    while (!plain.empty()) {
      int n =
          SSL_write(ssl_.get(), plain.data(), static_cast<int>(std::min<std::size_t>(plain.size(), INT_MAX)));
      if (n <= 0) return failed();
      plain.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
  }

  void close(std::string& out) override {
    if (!done_ || broken_) return;  // SSL_shutdown in a handshake or after a failure is an error of ours
    Attach attached(*this, {}, out);
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }

  const TlsInfo& info() const override { return info_; }

  std::string& server_name() { return info_.server_name; }

  bool read(char* to, std::size_t size, std::size_t* done) {
    if (in_.empty()) return false;
    *done = std::min(size, in_.size());
    std::memcpy(to, in_.data(), *done);
    in_.remove_prefix(*done);
    return true;
  }
  bool write(const char* from, std::size_t size) {
    if (!out_) return false;
    out_->append(from, size);
    return true;
  }

 private:
  // The caller's buffers belong to the session during one call only.
  struct Attach {
    Attach(SslSession& session, Bytes in, std::string& out) : session_(session) {
      session.in_ = in;
      session.out_ = &out;
    }
    ~Attach() {
      session_.in_ = {};
      session_.out_ = nullptr;
    }
    SslSession& session_;
  };

  Result<Step> after(int returned, Step step) {
    switch (SSL_get_error(ssl_.get(), returned)) {
      case SSL_ERROR_WANT_READ:
      case SSL_ERROR_WANT_WRITE: return step;
      case SSL_ERROR_ZERO_RETURN: step.closed = true; return step;
      default:
        // Records before the bad one were whole and authentic: the next call reports the error.
        if (step.plain == 0) return failed();
        late_ = failed().error();
        return step;
    }
  }

  std::unexpected<Error> failed() {
    broken_ = true;
    std::string text = explain(ssl_.get(), ERR_peek_error());
    ERR_clear_error();
    return fail(Blame::Client, std::move(text));
  }

  void finish_handshake() {
    done_ = true;
    SSL* ssl = ssl_.get();
    info_.version = SSL_get_version(ssl);
    info_.cipher = SSL_get_cipher_name(ssl);
    const unsigned char* alpn = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &alpn, &size);
    info_.alpn.assign(reinterpret_cast<const char*>(alpn), size);
    info_.resumed = SSL_session_reused(ssl) == 1;
  }

  std::shared_ptr<const TlsContext> owner_;  ///< OpenSSL's callbacks point into it
  SslPtr ssl_;
  TlsInfo info_;
  Bytes in_;
  std::string* out_ = nullptr;
  std::optional<Error> late_;  ///< to be reported by the next feed
  bool done_ = false;
  bool broken_ = false;
};

int bio_read(BIO* bio, char* to, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  if (static_cast<SslSession*>(BIO_get_data(bio))->read(to, size, done)) return 1;
  *done = 0;
  BIO_set_retry_read(bio);
  return 0;
}

int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* done) {
  BIO_clear_retry_flags(bio);
  bool taken = static_cast<SslSession*>(BIO_get_data(bio))->write(from, size);
  *done = taken ? size : 0;
  return taken ? 1 : 0;
}

}  // namespace

std::string& server_name_of(SSL* ssl) { return session_of(ssl)->server_name(); }

std::unique_ptr<TlsSession> make_session(std::shared_ptr<const TlsContext> owner, SSL_CTX* context,
                                         bool server, const std::string& server_name, SSL_SESSION* saved) {
  SslPtr ssl(SSL_new(context));
  CHECK(ssl);  // only memory can run out here
  if (saved) SSL_set_session(ssl.get(), saved);
  if (!server_name.empty()) {  // SSL_set_tlsext_host_name, whose macro is an old-style cast; it copies
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(server_name.c_str()));
  }
  return std::make_unique<SslSession>(std::move(owner), std::move(ssl), server, server_name);
}

}  // namespace holdfast::io::ossl
