#include "conf/rules.h"
#include "conf/schema.h"
#include "conf/schema_sql.h"

namespace holdfast::conf {
namespace {

constexpr Range kDay = {1, 86'400'000};

// clang-format off: a row is two lines, what it is and what it says
constexpr Directive kInstance[] = {
    {"address", Kind::Text, "", slot<&Instance::configured_address>,
     "\"host:port\"; a host name is looked up once, when the file is loaded.", {3, 300}, nullptr, true},
    {"weight", Kind::Count, "100", slot<&Instance::weight>,
     "balance: share of the requests; 0: none but those of its cookie.", {0, 10'000}},
};

constexpr Directive kCheck[] = {
    {"get", Kind::CheckPath, "", whole<Check>,
     "Check by a GET of this path."},
    {"head", Kind::CheckPath, "", whole<Check>,
     "Check by a HEAD of this path."},
    {"tcp", Kind::CheckFlag, "", whole<Check>,
     "Check by connecting (this is the default)."},
    {"none", Kind::CheckFlag, "", whole<Check>,
     "Do not check; instances are judged by their traffic only."},
    {"host", Kind::Text, "", slot<&Check::host>,
     "Host field of the check; the instance's address by default.", {}, rule_host_field},
    {"expect", Kind::StatusRange, "200-399", whole<Check>,
     "Status that is healthy, \"200\" or \"200-399\"."},
    {"body", Kind::Text, "", slot<&Check::body_contains>,
     "Text that the first 64 KiB of the answer must contain.", {1, 4096}},
    {"every", Kind::Duration, "1s", slot<&Check::every>,
     "Interval between checks.", {10, 86'400'000}},
    {"every-down", Kind::Duration, "250ms", slot<&Check::every_down>,
     "Interval while the instance is down or a change is being confirmed.", {10, 86'400'000}},
    {"timeout", Kind::Duration, "1s", slot<&Check::timeout>,
     "A check that takes longer has failed.", {1, 600'000}},
    {"fall", Kind::Count, "2", slot<&Check::fall>,
     "Failed checks in a row that make an instance down.", {1, 100}},
    {"rise", Kind::Count, "2", slot<&Check::rise>,
     "Good checks in a row that make it up.", {1, 100}},
    {"jitter", Kind::Count, "10", slot<&Check::jitter_percent>,
     "Percent by which an interval may be shorter, so that checks do not march in step.", {0, 90}},
};

constexpr Directive kTls[] = {
    {"ca", Kind::File, "", slot<&ServiceTls::ca>,
     "PEM file of authorities that instances' certificates must come from; the system's by default."},
    {"verify", Kind::Boolean, "true", slot<&ServiceTls::verify>,
     "Verify the instances' certificates."},
    {"name", Kind::Text, "", slot<&ServiceTls::name>,
     "Name sent in SNI and expected in the certificate; the instance's host by "
     "default.", {}, rule_host_field},
    {"certificate", Kind::File, "", slot<&ServiceTls::certificate>,
     "PEM file with a certificate and key to show to instances."},
};

constexpr Directive kHook[] = {
    {"command", Kind::TextList, "", slot<&Hook::command>,
     "Program and arguments; {instance}, {service} and {state} are filled in.", {1, 64}},
    {"post", Kind::Text, "", slot<&Hook::post>,
     "Path that is POSTed to the instance.", {}, rule_url_path},
    {"timeout", Kind::Duration, "5s", slot<&Hook::timeout>,
     "After this the hook has failed; that is logged and changes nothing else.", {1, 600'000}},
};

constexpr Directive kTimeouts[] = {
    {"connect", Kind::Duration, "2s", slot<&Service::timeouts, &ServiceTimeouts::connect>,
     "Connecting to an instance, its TLS handshake included.", kDay},
    {"response", Kind::Duration, "30s", slot<&Service::timeouts, &ServiceTimeouts::response>,
     "From a request sent to the head of its response, for each attempt.", kDay},
    {"idle", Kind::Duration, "60s", slot<&Service::timeouts, &ServiceTimeouts::idle>,
     "The instance neither takes nor sends a byte of a body.", kDay},
    {"tunnel", Kind::Duration, "1h", slot<&Service::timeouts, &ServiceTimeouts::tunnel>,
     "No byte either way after an upgrade.", {1, 30ull * 86'400'000}},
    {"pool-idle", Kind::Duration, "30s", slot<&Service::timeouts, &ServiceTimeouts::pool_idle>,
     "An unused connection to an instance is closed after this.", kDay},
};

constexpr Directive kLimits[] = {
    {"response-header-bytes", Kind::Size, "64KiB", slot<&Service::response_header_bytes>,
     "Longest response head; longer: 502.", {256, 1 << 20}},
    {"response-header-count", Kind::Count, "200", slot<&Service::response_header_count>,
     "Most response header fields; more: 502.", {4, 10'000}},
    {"connections", Kind::Count, "0", slot<&Service::max_connections>,
     "tds: connections to one instance; 0: no limit.", {0, 10'000'000}},
};

constexpr Directive kRetryBudget[] = {
    {"percent", Kind::Count, "20", slot<&Service::retry_budget_percent>,
     "Extra attempts per 100 requests.", {0, 1000}},
    {"min-per-second", Kind::Count, "100", slot<&Service::retry_budget_min>,
     "Extra attempts a second that are always allowed.", {0, 1'000'000}},
};

constexpr Directive kService[] = {
    {"instances", Kind::Instances, "", slot<&Service::instances>,
     "name = \"host:port\", or name = { address = \"host:port\", weight = 100 }.", {1, 64}, nullptr, true},
    {"mode", Kind::Choice, "active-standby", slot<&Service::mode>,
     "One instance serves at a time and keeps its place, or all share the requests."},
    {"prefer", Kind::Text, "", slot<&Service::prefer>,
     "active-standby: first choice while none is active; the order in the file by default.", {}, rule_name},
    table("check", Kind::Group, kCheck, part<&Service::check>, "How an instance's health is found out."),
    table("tls", Kind::Option, kTls, part<&Service::tls>,
          "Given (`tls = {}` is enough), instances are spoken to over TLS; SQL: certificates are verified."),
    table("on-active", Kind::Group, kHook, part<&Service::on_active>,
          "Tells an instance that it became active."),
    table("on-standby", Kind::Group, kHook, part<&Service::on_standby>,
          "Tells an instance that it became standby."),
    table("timeouts", Kind::Group, kTimeouts, same, "Timeouts towards instances."),
    table("limits", Kind::Group, kLimits, same, "Limits towards instances."),
    {"pool-max-idle", Kind::Count, "128", slot<&Service::pool_max_idle>,
     "Unused connections kept, for each instance and data loop.", {0, 100'000}},
    {"send-proxy", Kind::Count, "0", slot<&Service::send_proxy>,
     "Send a PROXY protocol header of this version (1 or 2); 0: none.", {0, 2}},
    {"cookie", Kind::Text, "", slot<&Service::cookie>,
     "balance: name of the cookie that keeps a client with its instance; none by "
     "default.", {1, 64}, rule_cookie},
    {"slow-start", Kind::Duration, "0s", slot<&Service::slow_start>,
     "balance: an instance that came up gets its full share after this.", {0, 3'600'000}},
    table("retry-budget", Kind::Group, kRetryBudget, same,
          "Bounds extra attempts, so that a sick pair is not beaten to death."),
    table("monitor", Kind::Option, kMonitor, part<&Service::monitor>,
          "SQL login that asks each instance who is primary; it takes the place of `check`."),
    table("sql", Kind::Group, kSqlRows, part<&Service::sql>,
          "SQL sessions of aware tds listeners: their continuity, limits and what is seen of them."),
};
// clang-format on

}  // namespace

std::span<const Directive> service_rows() { return kService; }
std::span<const Directive> instance_rows() { return kInstance; }
std::span<const Directive> sql_rule_rows() { return kSqlRuleRows; }

}  // namespace holdfast::conf
