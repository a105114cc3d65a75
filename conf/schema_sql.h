// The rows of a service's `sql` and `monitor` tables, for schema_service.cpp alone: what Holdfast does for
// the SQL sessions of an aware tds listener. The objects they fill are ServiceSql, SqlRule and SqlMonitor.
#pragma once

#include "conf/rules.h"
#include "conf/schema.h"

namespace holdfast::conf {

// clang-format off: a row is two lines, what it is and what it says
inline constexpr Directive kSqlRuleRows[] = {
    {"name", Kind::Text, "", slot<&SqlRule::name>,
     "What the rule is called in the log and in the error that a client gets.", {1, 64}, rule_name, true},
    {"deny", Kind::Boolean, "false", slot<&SqlRule::deny>,
     "Refuse the statement; otherwise it is logged and goes on."},
    {"digest", Kind::Text, "", slot<&SqlRule::digest>,
     "Statements of this digest, 16 hexadecimal digits as `holdfast sql top` shows them; any by default.", {},
     rule_digest},
    {"application", Kind::Text, "", slot<&SqlRule::application>,
     "Sessions of this application name, with * at either end if need be; any by default.", {1, 128}},
    {"login", Kind::Text, "", slot<&SqlRule::login>,
     "Sessions of this SQL login, likewise.", {1, 128}},
    {"from", Kind::TimeOfDay, "00:00", slot<&SqlRule::from_minute>,
     "Applies from this time of day, local time; from and to alike: always."},
    {"to", Kind::TimeOfDay, "00:00", slot<&SqlRule::to_minute>,
     "Applies until this time of day; earlier than from: over midnight."},
};

inline constexpr Directive kSqlLimits[] = {
    {"per-login", Kind::Count, "0", slot<&ServiceSql::max_per_login>,
     "Sessions of one SQL login; 0: no limit.", {0, 10'000'000}},
    {"per-application", Kind::Count, "0", slot<&ServiceSql::max_per_application>,
     "Sessions of one application name; 0: no limit.", {0, 10'000'000}},
    {"per-host", Kind::Count, "0", slot<&ServiceSql::max_per_host>,
     "Sessions of one client host, as its login names it; 0: no limit.", {0, 10'000'000}},
    {"queue", Kind::Count, "0", slot<&ServiceSql::queue>,
     "Logins that wait for room under these limits; the next is refused.", {0, 1'000'000}},
};

inline constexpr Directive kSqlRows[] = {
    {"encrypt", Kind::Choice, "login", slot<&ServiceSql::encrypt>,
     "TLS towards the instances: none, for the login alone, for everything, or TDS 8.0. Certificates are "
     "verified only where the service has `tls`."},
    {"hold", Kind::Duration, "10s", slot<&ServiceSql::hold>,
     "How long a statement waits for a primary; drivers give up after 15 to 30 s.", {0, 600'000}},
    {"replay-reads", Kind::Boolean, "true", slot<&ServiceSql::replay_reads>,
     "Repeat a statement that provably only reads, outside a transaction, when its server is lost."},
    {"replay-transactions", Kind::Boolean, "false", slot<&ServiceSql::replay_transactions>,
     "Run a transaction that provably has only read again from its BEGIN when its server is lost, if every "
     "answer is the same; `retain` bounds what is kept of it."},
    {"session-recovery", Kind::Choice, "client", slot<&ServiceSql::recovery>,
     "The server's own session recovery: where the client asks for it, always, or never."},
    {"retain", Kind::Size, "256KiB", slot<&ServiceSql::retain>,
     "Bytes of a statement that are kept until it is answered; a longer one is not sent again.",
     {1 << 10, 16 << 20}},
    table("limits", Kind::Group, kSqlLimits, same, "Sessions of the whole process."),
    {"pool", Kind::Choice, "off", slot<&ServiceSql::pool>,
     "Server connections serve other sessions of the same SQL login: never, once their session has ended, or "
     "whenever it is between transactions."},
    {"pool-max", Kind::Count, "20", slot<&ServiceSql::pool_max>,
     "Per login and data loop: `session`, free connections kept; `transaction`, connections in all.",
     {1, 100'000}},
    {"pool-idle", Kind::Duration, "60s", slot<&ServiceSql::pool_idle>,
     "A free connection is closed after this.", {100, 86'400'000}},
    {"pool-lifetime", Kind::Duration, "30m", slot<&ServiceSql::pool_lifetime>,
     "An older connection serves no other session; so long a changed password may still be believed.",
     {1000, 86'400'000}},
    {"spares", Kind::Count, "0", slot<&ServiceSql::spares>,
     "While there is no primary: connections per listener and data loop that stand ready for logins at the "
     "other instances, one for each session that waits; 0: none. Not with send-proxy.", {0, 10'000}},
    {"lifetime", Kind::Duration, "0s", slot<&ServiceSql::lifetime>,
     "A session is ended at its next idle moment after this; zero: never.", {0, 30ull * 86'400'000}},
    {"digests", Kind::Count, "1000", slot<&ServiceSql::digests>,
     "Statements, without their literals, that are counted in memory; 0: none.", {0, 100'000}},
    {"slow", Kind::Duration, "0s", slot<&ServiceSql::slow>,
     "Statements that took longer are logged; zero: none.", {0, 86'400'000}},
    {"log-literals", Kind::Boolean, "false", slot<&ServiceSql::log_literals>,
     "Log slow statements as the client wrote them, the first 1,024 characters. Beware: their literals may be "
     "passwords, card numbers or names, and stay wherever the log goes."},
    {"rule", Kind::SqlRules, "", slot<&ServiceSql::rules>,
     "Statements that are refused or logged: `[[service.NAME.sql.rule]]`; the first that applies decides.",
     {0, 256}},
};

inline constexpr Directive kMonitor[] = {
    {"user", Kind::Text, "", slot<&SqlMonitor::user>,
     "SQL login of the monitor; it needs VIEW SERVER STATE for availability groups.", {1, 128}, nullptr,
     true},
    {"password-file", Kind::Secret, "", slot<&SqlMonitor::password>,
     "File with its password.", {1, 128}, nullptr, true},
    {"database", Kind::Text, "", slot<&SqlMonitor::database>,
     "Database that must be writable on the primary; by default the instance's role alone counts.", {1, 128}},
    {"every", Kind::Duration, "1s", slot<&SqlMonitor::every>,
     "Interval between questions.", {10, 86'400'000}},
    {"every-down", Kind::Duration, "50ms", slot<&SqlMonitor::every_down>,
     "Interval while there is no primary or a change is being confirmed.", {10, 86'400'000}},
    {"timeout", Kind::Duration, "2s", slot<&SqlMonitor::timeout>,
     "An instance that answers later counts as down.", {10, 600'000}},
    {"encrypt", Kind::Boolean, "false", slot<&SqlMonitor::encrypt>,
     "Speak TLS for the whole connection; the login itself is encrypted wherever the server can."},
};
// clang-format on

}  // namespace holdfast::conf
