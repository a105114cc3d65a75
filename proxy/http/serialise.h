// Heads to bytes. Nothing received is ever passed on raw: start line, framing and every hop-by-hop
// field are written anew from what was parsed, so that a peer can only read what we read. All
// functions append to `out`, which the caller clears and reuses.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/base/address.h"
#include "proxy/base/bytes.h"
#include "proxy/http/message.h"

namespace holdfast::http {

struct RequestContext {
  std::string_view client;            ///< the client's address as text, no brackets
  Address::Family family = Address::Family::None;
  std::string_view proto = "http";    ///< what the client spoke: "http" or "https"
  bool trusted = false;               ///< the client is a forwarder whose X-Forwarded-* are believed
  std::string_view generated_id;      ///< used unless a trusted client sent a sane X-Request-Id
  std::string_view default_host;      ///< Host for a client of HTTP/1.0 that sent none
  std::span<const conf::HeaderOp> ops;
  Framing framing = Framing::None;    ///< None, Length or Chunked: how the body will be sent
  std::uint64_t content_length = 0;
  bool keep_expect = false;
  bool keep_upgrade = false;          ///< with Connection: Upgrade
  bool keep_trailers = false;         ///< Trailer, and TE: trailers
};

/// The head to send to an instance, without its empty line: each attempt appends fields of its own and
/// then "\r\n". Returns the request id that was written, a view of `head` or of `context`.
std::string_view write_request_head(const RequestHead& head, const RequestContext& context, std::string& out);

/// OPTIONS or TRACE with Max-Forwards: 0, which goes no further (RFC 9110 section 7.6.2).
bool is_last_hop(const RequestHead& head);

struct ResponseContext {
  std::uint8_t client_minor = 1;
  Framing framing = Framing::None;    ///< towards this client; see client_framing
  std::uint64_t content_length = 0;
  bool keep_alive = true;
  bool keep_upgrade = false;          ///< a 101 that is passed on
  bool keep_trailers = false;
  std::span<const conf::HeaderOp> ops;
  std::string_view set_cookie;        ///< a whole Set-Cookie value to add; empty: none
  std::string_view date;              ///< Date if the instance sent none; empty: leave it out
  std::string_view request_id;        ///< X-Request-Id if the instance sent none; a placeholder of `ops`
  std::string_view client, host, proto;  ///< for the other placeholders
};

/// How a body goes to a client of this version: what came, except that HTTP/1.0 knows no chunks.
Framing client_framing(const ResponseHead& head, std::uint8_t client_minor);

/// The whole head, empty line included. 1xx heads get no framing, connection or added fields.
void write_response_head(const ResponseHead& head, const ResponseContext& context, std::string& out);

/// A received trailer section, less what a trailer may not say (RFC 9110 section 6.5.1): framing, routing,
/// authentication, content and cache fields. Without the final empty line.
void write_trailers(Bytes received, std::string& out);

/// An answer of our own.
struct LocalResponse {
  unsigned status = 500;
  std::string_view body;              ///< empty: a short text, page or JSON object is made
  std::string_view content_type;      ///< of `body`
  bool json = false;                  ///< which of the made ones; see prefers_json
  bool html = false;
  std::string_view fields;            ///< whole field lines with their CRLFs, such as Allow
  unsigned retry_after_seconds = 0;   ///< 0: no Retry-After
  std::string_view request_id;        ///< empty: none
  std::string_view date;
  bool keep_alive = true;
  std::uint8_t version_minor = 1;     ///< the client's
  bool head_only = false;             ///< answer to HEAD
};

void write_local_response(const LocalResponse& response, std::string& out);
/// 308, which keeps the method (RFC 9110 section 15.4.9). `location` holds no control bytes.
void write_redirect(std::string_view location, bool keep_alive, std::uint8_t version_minor, std::string& out);

/// By the first of the two media types in Accept; weights are not read. Without Accept, by Content-Type.
bool prefers_json(const RequestHead& head);
bool prefers_html(const RequestHead& head);

std::string_view reason_phrase(unsigned status);  ///< "Unknown" if RFC 9110 and its companions name none

}  // namespace holdfast::http
