#include "conf/rules.h"
#include "conf/schema.h"

namespace holdfast::conf {
namespace {

// clang-format off: a row is two lines, what it is and what it says
constexpr Directive kHeaders[] = {
    {"set", Kind::HeaderMap, "", whole<std::vector<HeaderOp>>,
     "Name = \"value\": replaces every field of that name.", {0, 64}},
    {"add", Kind::HeaderMap, "", whole<std::vector<HeaderOp>>,
     "Name = \"value\": adds a field.", {0, 64}},
    {"remove", Kind::HeaderNames, "", whole<std::vector<HeaderOp>>,
     "Names of fields to take out.", {0, 64}},
};

constexpr Directive kRoute[] = {
    {"name", Kind::Text, "", slot<&Route::name>,
     "Name in logs; made of listener, host and path by default.", {1, 128}, rule_printable},
    {"listen", Kind::TextList, "", slot<&Route::listen>,
     "Listeners; every HTTP listener by default.", {1, 64}, rule_name},
    {"host", Kind::TextList, "", slot<&Route::hosts>,
     "Host names, \"*.example\" for all below one; any by default.", {1, 64}, rule_host_pattern},
    {"path", Kind::Text, "/*", slot<&Route::path>,
     "\"/a\" itself, \"/a/*\" all below it, \"/a/*/b\" any one segment.", {1, 1024}, rule_route_path},
    {"method", Kind::TextList, "", slot<&Route::methods>,
     "Methods; any by default.", {1, 16}, rule_method},
    {"service", Kind::Text, "", slot<&Route::service>,
     "The service that answers.", {}, rule_name, true},
    {"deadline", Kind::Duration, "60s", slot<&Route::deadline>,
     "From the end of a request to the start of its response, parking and every attempt included; then "
     "503 or 504.", {1, 86'400'000}},
    {"replay", Kind::Choice, "idempotent", slot<&Route::replay>,
     "What may be sent to an instance again: nothing; what was never sent; idempotent methods (RFC "
     "9110 section 9.2.2); those and requests with an Idempotency-Key; all."},
    {"attempts", Kind::Count, "4", slot<&Route::attempts>,
     "Attempts in all, the first included.", {1, 100}},
    {"body-max", Kind::Size, "64MiB", slot<&Route::body_max>,
     "Longest request body; longer: 413.", {0, 1ull << 40}},
    {"retain", Kind::Size, "16MiB", slot<&Route::retain_max>,
     "Longest request body kept for replay; a longer one is not repeated once sent.", {0, 1ull << 40}},
    {"retain-memory", Kind::Size, "256KiB", slot<&Route::retain_memory>,
     "How much of it is kept in memory; the rest goes to a file in spill-dir.", {0, 1ull << 32}},
    {"body-timeout", Kind::Duration, "10s", slot<&Route::body_timeout>,
     "The client sends no byte of the request body.", {1, 86'400'000}},
    {"body-rate", Kind::Size, "500B", slot<&Route::body_rate_min>,
     "Least bytes a second of a request body, after the first body-timeout; 0B: any.", {0, 1 << 30}},
    {"shield", Kind::Size, "32KiB", slot<&Route::shield>,
     "A response up to this size is held back until whole, so that it can be repeated unseen; 0B: "
     "none.", {0, 64 << 20}},
    {"shield-time", Kind::Duration, "50ms", slot<&Route::shield_time>,
     "A response of unknown length is held back no longer than this.", {0, 60'000}},
    {"resume", Kind::Boolean, "true", slot<&Route::resume>,
     "Continue a larger response on another instance, by range or by comparing its beginning."},
    {"trailers", Kind::Boolean, "false", slot<&Route::trailers>,
     "Forward trailer fields."},
    table("request-headers", Kind::Group, kHeaders, part<&Route::request_headers>,
          "Changes to the request's header."),
    table("response-headers", Kind::Group, kHeaders, part<&Route::response_headers>,
          "Changes to the response's header."),
    {"error-page", Kind::ErrorPage, "", whole<Route>,
     "File sent with 502, 503 and 504, below 1 MiB; .html, .json, .txt or .xml tells its type."},
};
// clang-format on

}  // namespace

std::span<const Directive> route_rows() { return kRoute; }

}  // namespace holdfast::conf
