// The steady caller: an IVR system in small. It sends requests by the clock, whether or not earlier
// ones were answered, and prints one JSON line a second (and a last one with "total": true):
//
//   {"seconds", "requests", "ok", "failed", "slowest_ms", "median_ms", "replays", "reconnects",
//    "in_flight", "failures": {"PUT 502": 1, ...}}
//
// Of 10 requests 7 are GET, 1 is a PUT, 2 are POST with an Idempotency-Key. Failed: an answer of 400 or
// more, none within 5 s, or a broken connection. Time counts from when the request was due. A reused
// connection found closed before a byte of the answer is used anew once, as HTTP clients do (RFC 9112
// section 9.3.1), and counted in "reconnects". Replays: answers whose X-Attempt is above 1.
#pragma once

#include <string>

namespace portal {

struct CallOptions {
  std::string url;   ///< http://HOST:PORT, HOST an IPv4 address
  int rate = 200;    ///< requests per second
  int seconds = 0;   ///< 0: until SIGTERM or SIGINT
  std::string acknowledged;  ///< file for the id of each PUT and POST that was answered well; empty: none
};

int call(const CallOptions& options);

}  // namespace portal
