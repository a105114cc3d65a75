#include "proxy/http/forwarded.h"

#include <algorithm>

#include "proxy/http/fields.h"

namespace holdfast::http {
namespace {

constexpr std::size_t request_id_max = 128;

bool sane_id(std::string_view id) {
  if (id.empty() || id.size() > request_id_max) return false;
  return std::all_of(id.begin(), id.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// CGI and WSGI turn '-' into '_' in names, so an application may take "X_Forwarded_For" for ours.
bool same_for_cgi(std::string_view name, std::string_view ours) {
  if (name.size() != ours.size()) return false;
  for (std::size_t i = 0; i < name.size(); ++i)
    if ((name[i] == '_' ? '-' : lower(name[i])) != ours[i]) return false;
  return true;
}

bool is_disguised(std::string_view name) {
  if (name.find('_') == name.npos) return false;
  constexpr std::string_view prefix = "x-forwarded-";
  if (same_for_cgi(name.substr(0, prefix.size()), prefix)) return true;
  for (std::string_view ours :
       {"x-request-id", "x-holdfast-attempt", "x-real-ip", "content-length", "transfer-encoding"})
    if (same_for_cgi(name, ours)) return true;
  return false;
}

/// Puts a trusted client's values of `known`, joined by ", ". False if there are none.
bool put_received(const RequestHead& head, const RequestContext& context, Known known, Appender& out) {
  if (!context.trusted || !head.has(known)) return false;
  bool any = false;
  for (const Field& field : head.fields) {
    if (field.known != known || field.value.empty()) continue;
    if (any) out.put(", ");
    out.put(field.value);
    any = true;
  }
  return any;
}

/// RFC 7239 section 4: an IPv6 address is bracketed, and what is not a token is quoted.
void put_forwarded_element(const RequestContext& context, std::string_view authority, Appender& out) {
  if (context.family == Address::Family::V6) {
    out.put("for=\"[").put(context.client).put("]\"");
  } else {
    out.put("for=").put(context.client.empty() ? "unknown" : context.client);
  }
  if (!authority.empty()) {
    std::string_view quote = all(authority, kToken) ? "" : "\"";
    out.put(";host=").put(quote).put(authority).put(quote);
  }
  out.put(";proto=").put(context.proto);
}

}  // namespace

std::string_view choose_request_id(const RequestHead& head, const RequestContext& context) {
  std::string_view received = context.trusted ? head.value(Known::XRequestId) : std::string_view{};
  return sane_id(received) ? received : context.generated_id;
}

bool is_forwarding_claim(const Field& field, bool trusted) {
  switch (field.known) {
    case Known::Forwarded:
    case Known::XForwardedFor:
    case Known::XForwardedProto:
    case Known::XForwardedHost:
    case Known::XRequestId:
    case Known::HoldfastAttempt: return true;
    case Known::Other: break;
    default: return false;
  }
  if (is_disguised(field.name)) return true;
  if (trusted || lower(field.name[0]) != 'x') return false;
  return equal_ignoring_case(field.name.substr(0, 12), "x-forwarded-") ||
         equal_ignoring_case(field.name, "x-real-ip");
}

void write_forwarded(const RequestHead& head, const RequestContext& context, std::string_view request_id,
                     const HeaderOps& ops, Appender& out) {
  if (!ops.replaces("X-Forwarded-For")) {
    out.put("X-Forwarded-For: ");
    if (put_received(head, context, Known::XForwardedFor, out)) out.put(", ");
    out.put(context.client).put("\r\n");
  }
  if (!ops.replaces("X-Forwarded-Proto")) {
    out.put("X-Forwarded-Proto: ");
    if (!put_received(head, context, Known::XForwardedProto, out)) out.put(context.proto);
    out.put("\r\n");
  }
  const bool host_known = !head.authority.empty() || (context.trusted && head.has(Known::XForwardedHost));
  if (host_known && !ops.replaces("X-Forwarded-Host")) {
    out.put("X-Forwarded-Host: ");
    if (!put_received(head, context, Known::XForwardedHost, out)) out.put(head.authority);
    out.put("\r\n");
  }
  if (!ops.replaces("Forwarded")) {
    out.put("Forwarded: ");
    if (put_received(head, context, Known::Forwarded, out)) out.put(", ");
    put_forwarded_element(context, head.authority, out);
    out.put("\r\n");
  }
  if (!request_id.empty() && !ops.replaces("X-Request-Id"))
    out.put("X-Request-Id: ").put(request_id).put("\r\n");
}

}  // namespace holdfast::http
