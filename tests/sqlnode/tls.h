// A session's TLS, fed and emptied as bytes: the TDS side decides whether they travel raw or inside
// PRELOGIN packets. OpenSSL directly, because the product's own context knows nothing of TDS and this is
// test code.
#pragma once

#include <memory>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"

struct ssl_st;
struct ssl_ctx_st;

namespace holdfast::sqlnode {

/// One certificate, two ways to use it. Shared by all sessions, never changed.
class TlsCertificate {
 public:
  /// `pem` has the chain and the key; empty: a certificate of its own is made, as SQL Server does.
  static Result<std::unique_ptr<TlsCertificate>> load(const std::string& pem);
  ~TlsCertificate();
  ssl_ctx_st* wrapped() const {
    return wrapped_;
  }  ///< inside PRELOGIN: at most TLS 1.2, as SQL Server has it
  ssl_ctx_st* strict() const { return strict_; }  ///< TLS first, ALPN tds/8.0

 private:
  TlsCertificate() = default;
  ssl_ctx_st* wrapped_ = nullptr;
  ssl_ctx_st* strict_ = nullptr;
};

class TlsSession {
 public:
  explicit TlsSession(ssl_ctx_st* context);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  /// One step of the handshake after `in`: true when it is done. What to send is in `out`.
  Result<bool> handshake(Bytes in, std::string& out);
  /// False: the peer closed or lied.
  bool decrypt(Bytes in, std::string& plain);
  bool encrypt(Bytes plain, std::string& out);

 private:
  void drain(std::string& out);
  ssl_st* ssl_ = nullptr;
};

}  // namespace holdfast::sqlnode
