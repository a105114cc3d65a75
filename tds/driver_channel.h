// One side's bytes while a login is going on: TLS wherever MS-TDS puts it. TDS 7 wraps the handshake into
// PRELOGIN packets (2.2.6.5) and then sends plain records; with login-only encryption TLS ends after one
// packet and clear bytes follow in the same stream. Hence records are opened one by one, and none is read
// ahead. A channel has no events of its own: its session hands it what came, and takes the stream on when
// the login is done. No later version than TLS 1.2: messages after the handshake (RFC 8446 section 4.6)
// would have no wrapping defined.
#pragma once

#include <memory>
#include <string>

#include "proxy/io/tls.h"
#include "tds/packet.h"

namespace holdfast::tds {

class Channel {
 public:
  struct Piece {
    Bytes plain;  ///< until the next call; wiped then
    bool handshake_done = false;
    bool closed = false;  ///< the peer ended TLS
  };

  explicit Channel(io::Stream& stream) : stream_(stream) {}
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() { wipe(); }

  /// Takes from the front of `raw`; false: more is needed. In clear all of it is the piece.
  Result<bool> next(Bytes& raw, Piece& piece);
  Status send(Bytes plain);
  /// Begins a handshake; with a client's session it says hello at once.
  Status start_tls(std::unique_ptr<io::TlsSession> session, bool client);
  /// In clear from here on.
  void end_tls();

  bool secure() const { return tls_ && !shaking_; }
  /// The TLS session and what was read of its next record, for resume_tls_stream.
  std::unique_ptr<io::TlsSession> take_tls() { return std::move(tls_); }
  std::string take_record() { return std::move(record_); }
  const io::TlsInfo* info() const { return tls_ ? &tls_->info() : nullptr; }

 private:
  Result<bool> shake(Bytes& raw, Piece& piece);
  Result<bool> open_record(Bytes& raw, Piece& piece);
  Status feed_handshake(Bytes bytes, bool& done);
  void wipe();

  io::Stream& stream_;
  std::unique_ptr<io::TlsSession> tls_;
  PacketReader packets_;  ///< those around the handshake
  std::string record_;  ///< the beginning of a TLS record
  std::size_t plain_ = 0;  ///< bytes of the last piece, to be wiped
  bool shaking_ = false;
};

}  // namespace holdfast::tds
