// TLS as bytes in and bytes out, over OpenSSL 3. Contexts are immutable and shared by all loops; a
// session belongs to one stream. OpenSSL's headers stay behind tls_openssl.h, which is private to tls*.cpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/io/io.h"

namespace holdfast::io {

struct TlsInfo {
  std::string version;      ///< "TLSv1.3"
  std::string cipher;
  std::string server_name;  ///< SNI as sent by the client; empty if none
  std::string alpn;         ///< as negotiated; empty if none
  bool resumed = false;
};

struct TlsServerOptions {
  /// Each file holds a certificate chain and, unless `keys` names it at the same index, its private key.
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  std::vector<std::string> alpn{"http/1.1"};
  bool tls13_only = false;
  std::string ciphers;       ///< TLS 1.2 list; empty: a modern default
  bool tickets = true;
  std::string client_ca;     ///< file: clients must show a certificate signed by one; empty: not asked
  /// Bytes that several nodes share: a ticket of one opens at the others too. Empty: keys of this process.
  std::string ticket_secret;

  bool operator==(const TlsServerOptions&) const = default;
};

struct TlsClientOptions {
  std::string ca;            ///< file; empty: the system's store
  bool verify = true;
  /// DNS name or IP address expected in the certificate; a DNS name is sent as SNI. Empty only without
  /// verification.
  std::string name;
  std::string certificate;   ///< client certificate and key, PEM; empty: none
  std::vector<std::string> alpn;

  bool operator==(const TlsClientOptions&) const = default;
};

class TlsContext;

/// Bytes of one TLS connection. Nothing is called back: each call returns what happened.
class TlsSession {
 public:
  struct Step {
    bool handshake_done = false;  ///< became true in this call
    bool closed = false;          ///< the peer sent close_notify
    std::size_t plain = 0;        ///< bytes written to the plaintext buffer
    std::size_t taken = 0;        ///< bytes used of the ciphertext
  };

  virtual ~TlsSession() = default;
  /// No later version than TLS 1.2. Before the first feed().
  virtual void limit_to_tls12() = 0;
  /// Takes ciphertext from the peer, writes plaintext into [plain, plain + plain_size) and appends
  /// what must be sent to `out`, also when it fails: that is the alert for the peer. Returns when the
  /// handshake is done, before any plaintext. Call again with the rest while it takes or yields anything.
  virtual Result<Step> feed(Bytes cipher, char* plain, std::size_t plain_size, std::string& out) = 0;
  /// Encrypts; before the handshake is done it is an error. Appends to `out`.
  virtual Status encrypt(Bytes plain, std::string& out) = 0;
  /// Appends close_notify.
  virtual void close(std::string& out) = 0;
  virtual const TlsInfo& info() const = 0;  ///< complete once the handshake is done
};

/// Certificates, keys and options, loaded and checked. Errors name the file and what is wrong with it.
class TlsContext {
 public:
  virtual ~TlsContext() = default;
  static Result<std::shared_ptr<const TlsContext>> server(const TlsServerOptions& options);
  static Result<std::shared_ptr<const TlsContext>> client(const TlsClientOptions& options);
  /// TLS 1.3 between two that share a key (RFC 8446 section 2.2, psk_dhe_ke), without certificates, tickets
  /// or early data. Each side has then proven that it knows the key; who does not, fails the handshake.
  /// `identity` is sent in clear, 1 to 128 bytes; `key` has 32 random bytes.
  static Result<std::shared_ptr<const TlsContext>> psk_server(std::string identity, std::string key);
  static Result<std::shared_ptr<const TlsContext>> psk_client(std::string identity, std::string key);
  virtual std::unique_ptr<TlsSession> session() const = 0;
  /// Earliest end of validity of its certificates, seconds since 1970; 0 if it has none.
  virtual std::int64_t expires() const = 0;
};

/// A stream that speaks TLS over another. Call before any reading on `plain`. It reports on_connected
/// when the handshake is done, and Fault::Tls with a reason when it cannot be. `client` sessions start
/// the handshake by themselves when `plain` connects. An end without close_notify is Fault::Reset: a
/// truncated body must not pass for a whole one (RFC 8446 section 6.1). The loop is the one of `plain`;
/// it delivers on a later turn what was held while reading was stopped.
StreamPtr make_tls_stream(Loop& loop, StreamPtr plain, std::unique_ptr<TlsSession> session,
                          StreamEvents& events);

/// The same over a stream that is connected and may have been read: `taken` is ciphertext that came and was not
/// yet given to the session. With `open` the handshake is over, and on_connected is not called.
StreamPtr resume_tls_stream(Loop& loop, StreamPtr plain, std::unique_ptr<TlsSession> session,
                            StreamEvents& events, std::string taken, bool open);

}  // namespace holdfast::io
