// One line per exchange or relayed connection. A data loop only copies a record into its ring; one
// writer thread formats and writes. A full ring drops the record and counts it: a slow disk must not
// stall a caller.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/base/address.h"
#include "proxy/base/time.h"

namespace holdfast {

/// Views are copied by log(). Times are zero where they do not apply.
struct AccessRecord {
  WallTime at;                    ///< when the request's first byte was read
  std::string_view listen, route, service, instance;  ///< instance: the one that answered
  Address client;
  std::string_view method, host, target, user_agent, request_id;
  std::string_view tls;           ///< "TLSv1.3", empty: none
  std::string_view user, application, database;  ///< of a SQL login
  unsigned version_minor = 1;
  unsigned status = 0;            ///< 0: none sent
  std::uint64_t bytes_in = 0, bytes_out = 0;  ///< body bytes
  Duration total{}, parked{}, connect{}, first_byte{};  ///< first_byte: request read to response head
  unsigned attempts = 0;
  std::string_view reasons;       ///< "refused,reset": why each attempt but the last ended
  std::string_view outcome;       ///< "ok", "client-gone", "deadline", "truncated", "refused:bare-lf", ...
};

class AccessLog {
 public:
  virtual ~AccessLog() = default;
  /// Each loop has its own number, from 0. Called on that loop's thread only.
  virtual void log(unsigned loop, const AccessRecord& record) = 0;
  virtual void reopen() = 0;                  ///< SIGUSR1; any thread
  virtual std::uint64_t dropped() const = 0;

  /// Path "-" is standard output; empty gives a log that does nothing.
  static std::unique_ptr<AccessLog> open(const std::string& path, conf::LogFormat format, unsigned loops);
};

/// Formats one record, with its newline; JSON escapes everything that is not plain text.
void format(const AccessRecord& record, conf::LogFormat format, std::string& out);

}  // namespace holdfast
