// A client's socket and what lies between it and TDS packets: TLS first (TDS 8.0), TLS inside PRELOGIN
// packets, for the login alone or for all, or nothing (MS-TDS 2.2.6.5, 3.2.5.3). One thread reads, another
// may write.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tests/sqlnode/faults.h"
#include "tests/sqlnode/tls.h"

namespace holdfast::sqlnode {

class Channel {
 public:
  Channel(int fd, Faults& faults) : fd_(fd), faults_(&faults) {}
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// The first byte that the client sent, still to be read; -1: it closed.
  int peek();
  /// TLS before any TDS.
  Status start_strict(const TlsCertificate& certificate);
  /// TLS inside PRELOGIN packets; afterwards its records travel raw.
  Status start_wrapped(const TlsCertificate& certificate);
  /// Ends login-only encryption after the packet that `plain` has by now: bytes from here on are in clear.
  void end_tls();
  bool has_tls() const { return tls_ != nullptr; }

  /// Waits for more and appends it. Takes one TLS record at a time, so that end_tls finds the border.
  /// False: the end.
  bool read(std::string& plain);
  bool write(Bytes plain);
  /// Both directions; a blocked read returns.
  void shut();

 private:
  bool read_raw(std::string& raw);
  bool fill(std::size_t bytes);
  std::size_t fill_record();  // bytes of the TLS record at the front of raw_; 0: the end

  int fd_;
  Faults* faults_;
  std::string raw_;  // read from the socket, not yet decrypted
  std::mutex mutex_;  // of tls_ and of writes
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace holdfast::sqlnode
