#include "proxy/http/message.h"

#include "proxy/http/fields.h"

namespace holdfast::http {
namespace {

constexpr std::array<std::string_view, 11> method_names = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "QUERY", "OTHER"};

// In the order of Known.
constexpr std::array<std::string_view, known_count> known_names = {"host",
                                                                   "connection",
                                                                   "keep-alive",
                                                                   "proxy-connection",
                                                                   "content-length",
                                                                   "transfer-encoding",
                                                                   "te",
                                                                   "trailer",
                                                                   "upgrade",
                                                                   "expect",
                                                                   "forwarded",
                                                                   "x-forwarded-for",
                                                                   "x-forwarded-proto",
                                                                   "x-forwarded-host",
                                                                   "via",
                                                                   "x-request-id",
                                                                   "idempotency-key",
                                                                   "cookie",
                                                                   "range",
                                                                   "if-range",
                                                                   "etag",
                                                                   "last-modified",
                                                                   "content-range",
                                                                   "accept-ranges",
                                                                   "content-type",
                                                                   "content-encoding",
                                                                   "retry-after",
                                                                   "set-cookie",
                                                                   "date",
                                                                   "server",
                                                                   "authorization",
                                                                   "proxy-authorization",
                                                                   "proxy-authenticate",
                                                                   "x-holdfast-attempt",
                                                                   "user-agent"};

constexpr std::size_t slots = 128;

// Length, first and last letter tell the known names apart; make_slots proves it for every build.
constexpr std::size_t slot_of(std::string_view name) {
  auto first = static_cast<unsigned char>(name.front() | 0x20);
  auto last = static_cast<unsigned char>(name.back() | 0x20);
  return (name.size() + first + last * 35u) % slots;
}

consteval std::array<Known, slots> make_slots() {
  std::array<Known, slots> table{};
  table.fill(Known::Other);
  for (std::size_t i = 0; i < known_count; ++i) {
    Known& slot = table[slot_of(known_names[i])];
    if (slot != Known::Other) throw "two known names share a slot: choose another multiplier";
    slot = static_cast<Known>(i);
  }
  return table;
}

constexpr std::array<Known, slots> known_slots = make_slots();

}  // namespace

std::string_view name_of(Method method) { return method_names[static_cast<std::size_t>(method)]; }

Method method_of(std::string_view text) {
  if (text.empty()) return Method::Other;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Method::Other); ++i)
    if (text.front() == method_names[i].front() && text == method_names[i]) return static_cast<Method>(i);
  return Method::Other;
}

bool is_idempotent(Method method) {
  switch (method) {
    case Method::Get:
    case Method::Head:
    case Method::Put:
    case Method::Delete:
    case Method::Options:
    case Method::Trace:
    case Method::Query: return true;
    case Method::Post:
    case Method::Patch:
    case Method::Connect:
    case Method::Other: return false;
  }
  return false;
}

Known known_of(std::string_view name) {
  if (name.empty()) return Known::Other;
  Known known = known_slots[slot_of(name)];
  if (known == Known::Other) return known;
  const std::string_view small = known_names[static_cast<std::size_t>(known)];
  return name.size() == small.size() && is_lowered(name.data(), small.data(), small.size()) ? known
                                                                                            : Known::Other;
}

}  // namespace holdfast::http
