// The configuration as the running program sees it: plain, complete and immutable. conf/schema.cpp
// fills it from a file; every default lives there and nowhere else, so that the reference cannot drift.
// A reload makes a new Snapshot; requests in flight keep the one they began with.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/secret.h"
#include "proxy/base/time.h"

namespace holdfast::conf {

// ---- cluster, nodes, virtual addresses ----

struct Cluster {
  std::string secret;                  ///< contents of `secret-file`; empty: no peer channel, VRRP decides alone
  std::uint16_t port = 0;              ///< peer channel (TCP) and heartbeats (UDP)
  Duration heartbeat{};                ///< interval
  Duration silence_min{}, silence_max{};  ///< floor and ceiling of the adaptive time-out
  Duration stall{};                    ///< a data loop that does not turn for so long makes this node unfit
  std::vector<std::string> gateways;   ///< IP addresses that show whether this node is isolated
  std::string witness;                 ///< service in whose monitor's database a row breaks ties; empty: none
};

struct Node {
  std::string name;
  std::string address;                 ///< IP, no port
  std::string interface;
  std::vector<std::string> heartbeat;  ///< further own addresses, on other paths
  unsigned priority = 0;               ///< VRRP; 0: 150 for a [vip]'s preferred node, 100 for the other
};

/// A command on a change of role: argv, with {vip}, {node} and {role} filled in; empty: none.
struct VipHook {
  std::vector<std::string> command;
  Duration timeout{};
};

enum class VrrpChecksum : std::uint8_t { PseudoHeader, Rfc9568 };
enum class VrrpHmac : std::uint8_t { Off, Receive, Permissive, Enforce };

struct Vip {
  std::string name;
  std::vector<std::string> addresses;  ///< "10.20.0.10/24"
  int vrid = 0;
  std::string prefer;                  ///< node name; empty: none
  std::string group;                   ///< [vip]s of one group move together; empty: alone
  unsigned version = 3;                ///< VRRP for IPv4; IPv6 is always 3
  Duration advertise{};                ///< VRRP advertisement interval
  bool preempt = false;
  Duration preempt_delay{};
  bool unicast = false;                ///< advertisements go to the other node's address instead of the group
  std::vector<std::string> unicast_peers;  ///< to these instead; one's own are left out
  VrrpChecksum checksum = VrrpChecksum::PseudoHeader;
  VrrpHmac hmac = VrrpHmac::Off;
  std::string hmac_key;                ///< contents of `hmac-key-file`
  bool virtual_mac = false;
  Duration linger{};                   ///< how long connections may live on after a hand-over
  VipHook on_holder, on_standby;

  const std::string& group_name() const { return group.empty() ? name : group; }
};

// ---- process ----

enum class LogFormat : std::uint8_t { Json, Common };

struct Process {
  unsigned loops = 0;              ///< data loops; 0: one per processor this process may use
  bool batch_wakeups = true;       ///< data loops may wait 50 us for more under load
  Duration drain_timeout{};        ///< after SIGTERM, before what is left is cut
  std::string control_socket;      ///< Unix socket of the commands
  std::string spill_dir;           ///< directory for unlinked body files
  std::uint64_t memory_budget = 0; ///< bytes: parked and retained bodies, the whole process
  std::uint64_t spill_budget = 0;  ///< bytes on disk, likewise
  std::string access_log;          ///< file; "-" is standard output; empty: none
  LogFormat access_log_format = LogFormat::Json;
  std::string user;                ///< switch to this user after binding; empty: stay
};

struct Admin {
  std::vector<Address> bind;  ///< metrics and /healthz; empty: no admin listener
};

// ---- listeners ----

enum class Protocol : std::uint8_t { Http, Tds };

struct ListenTls {
  std::vector<std::string> certificates;
  std::vector<std::string> keys;
  std::vector<std::string> alpn;
  bool tls13_only = false;
  std::string ciphers;
  bool tickets = true;
  std::string client_ca;
};

struct ProxyProtocol {
  bool accept = false;                ///< a version 1 or 2 header must come first
  std::vector<Network> trusted;       ///< only from here; others are closed. Empty: from anyone
};

/// Limits on one HTTP message; sizes in bytes.
struct HttpLimits {
  std::uint32_t request_line = 0;
  std::uint32_t header_bytes = 0;     ///< whole head, start line included
  std::uint32_t header_count = 0;
  std::uint32_t chunk_extension = 0;  ///< per chunk line, size digits not counted
  std::uint32_t trailer_bytes = 0;
  std::uint32_t pipelined = 0;        ///< bytes read ahead of the exchange in progress
  std::uint32_t leading_crlf = 0;     ///< empty lines before a request
};

struct ListenTimeouts {
  Duration header{};       ///< first byte of a request to the end of its head
  Duration handshake{};    ///< TLS, and the PROXY header before it
  Duration idle{};         ///< keep-alive, between requests
  Duration write{};        ///< client takes no byte of a response
};

/// How SQL clients are met (protocol "tds").
enum class TdsMode : std::uint8_t { Aware, Opaque };
/// PRELOGIN's ENCRYPTION setting (MS-TDS 2.2.6.5): None is NOT_SUP, Login is OFF (the login alone is encrypted),
/// All is ON; Strict, towards a server only, is TDS 8.0.
enum class TdsEncrypt : std::uint8_t { None, Login, All, Strict };

struct ListenTds {
  TdsMode mode = TdsMode::Aware;
  TdsEncrypt encrypt = TdsEncrypt::Login;  ///< with a certificate; without one it is None
};

struct Listen {
  std::string name;
  std::vector<Address> bind;
  Protocol protocol = Protocol::Http;
  std::string service;                ///< tds: where to
  std::optional<ListenTls> tls;
  std::uint16_t redirect_https = 0;   ///< answer 308 to https on this port; 0: do not
  ProxyProtocol proxy_protocol;
  std::uint32_t max_connections = 0;  ///< of the whole process; 0: no limit
  std::uint32_t max_connections_per_client = 0;
  std::uint32_t requests_per_connection = 0;  ///< then Connection: close; 0: no limit
  HttpLimits limits;
  ListenTimeouts timeouts;
  bool access_log = true;
  std::vector<Network> trusted_forwarders;    ///< X-Forwarded-* and Forwarded kept from these only
  // tds
  ListenTds tds;
  Duration tds_connect_deadline{};    ///< how long a new connection is parked with no instance live
  Duration tds_idle{};                ///< no byte either way
};

// ---- services ----

enum class Mode : std::uint8_t { ActiveStandby, Balance };
enum class CheckKind : std::uint8_t { None, Tcp, Http, Sql };

struct Check {
  CheckKind kind = CheckKind::Tcp;
  std::string method;                 ///< "GET", "HEAD"
  std::string path;
  std::string host;                   ///< Host field; empty: the instance's address
  unsigned status_min = 0, status_max = 0;
  std::string body_contains;          ///< within the first 64 KiB; empty: any
  Duration every{};
  Duration every_down{};              ///< interval while down, and while a change is being confirmed
  Duration timeout{};
  unsigned fall = 0, rise = 0;
  unsigned jitter_percent = 0;        ///< each interval is shortened by up to this much
};

struct Instance {
  std::string name;
  Address address;
  std::string configured_address;     ///< as in the file: a name was looked up at load
  std::uint32_t weight = 0;           ///< 0: takes no new requests by weight
};

struct ServiceTls {
  std::string ca;
  bool verify = true;
  std::string name;
  std::string certificate;
};

/// Tells an instance that it became active or standby.
struct Hook {
  std::vector<std::string> command;   ///< argv; empty: none. {instance}, {service}, {state} filled in
  std::string post;                   ///< path POSTed to the instance; empty: none
  Duration timeout{};
};

struct ServiceTimeouts {
  Duration connect{};
  Duration response{};     ///< request sent to response head, per attempt
  Duration idle{};         ///< no byte of a response body, or of a sent request body
  Duration tunnel{};       ///< no byte either way after an upgrade
  Duration pool_idle{};    ///< an unused pooled connection is closed after this
};

/// Whom the SQL monitor asks who is primary (MS-TDS clients of its own, over FreeTDS).
struct SqlMonitor {
  std::string user;
  Secret password;
  std::string database;               ///< whose availability group counts; empty: the instance's role alone
  Duration every{}, every_down{}, timeout{};
  bool encrypt = false;
};

enum class SessionRecovery : std::uint8_t { Client, Always, Never };
/// When a server connection may serve another session of the same login: never, once its session has ended,
/// or whenever its session is between transactions.
enum class SqlPool : std::uint8_t { Off, Session, Transaction };

/// A statement that is refused or logged.
struct SqlRule {
  std::string name;
  bool deny = false;                  ///< else: log
  std::string digest;                 ///< 16 hex digits; empty: any
  std::string application, login;     ///< with * at either end; empty: any
  unsigned from_minute = 0, to_minute = 0;  ///< of the day, local time; equal: always
};

/// Continuity, limits and sight of SQL sessions (protocol "tds", mode aware).
struct ServiceSql {
  TdsEncrypt encrypt = TdsEncrypt::Login;
  Duration hold{};                    ///< a request waits so long for a primary
  bool replay_reads = true;
  bool replay_transactions = false;   ///< those that have only read
  SessionRecovery recovery = SessionRecovery::Client;
  std::uint32_t retain = 0;           ///< bytes of a request kept to be sent again
  /// Sessions of the whole process; 0: no limit.
  std::uint32_t max_per_login = 0, max_per_application = 0, max_per_host = 0;
  std::uint32_t queue = 0;            ///< logins that wait for room under those limits
  SqlPool pool = SqlPool::Off;
  std::uint32_t pool_max = 0;         ///< connections per login and data loop: free ones, or all of them
  Duration pool_idle{}, pool_lifetime{};  ///< a free connection is closed after; no other gets one so old
  std::uint32_t spares = 0;           ///< connections kept ready per listener and data loop, with no primary
  Duration lifetime{};                ///< a session is ended at its next idle moment after this; zero: never
  std::uint32_t digests = 0;          ///< kept in memory; 0: none
  Duration slow{};                    ///< statements that took longer are logged; zero: none
  bool log_literals = false;          ///< ... with their own text
  std::vector<SqlRule> rules;
};

struct Service {
  std::string name;
  Mode mode = Mode::ActiveStandby;
  std::vector<Instance> instances;    ///< never empty
  std::string prefer;                 ///< first choice when nothing is active; empty: file order
  std::optional<ServiceTls> tls;
  Check check;
  Hook on_active, on_standby;
  ServiceTimeouts timeouts;
  std::uint32_t pool_max_idle = 0;    ///< per instance and data loop
  unsigned send_proxy = 0;            ///< PROXY protocol version towards instances; 0: none
  std::string cookie;                 ///< balance: stickiness cookie's name; empty: none
  Duration slow_start{};              ///< balance: weight grows over this after coming up
  unsigned retry_budget_percent = 0;  ///< extra attempts per 100 requests, beyond retry_budget_min
  unsigned retry_budget_min = 0;      ///< extra attempts per second that are always allowed
  std::uint32_t response_header_bytes = 0;
  std::uint32_t response_header_count = 0;
  std::uint32_t max_connections = 0;  ///< tds: per instance; 0: no limit
  std::optional<SqlMonitor> monitor;
  ServiceSql sql;
};

// ---- routes ----

enum class Replay : std::uint8_t { Never, Unsent, Idempotent, Keyed, Always };
enum class HeaderOpKind : std::uint8_t { Set, Add, Remove };

struct HeaderOp {
  HeaderOpKind kind = HeaderOpKind::Set;
  std::string name;
  std::string value;

  bool operator==(const HeaderOp&) const = default;
};

struct Route {
  std::string name;                   ///< for logs: given, or made from listener, host and path
  std::vector<std::string> listen;    ///< listener names; empty: all HTTP listeners
  std::vector<std::string> hosts;     ///< "a.example", "*.example"; empty: any
  std::string path;                   ///< "/a" exact, "/a/*" prefix, "/a/*/b" one segment wild
  std::vector<std::string> methods;   ///< empty: any
  std::string service;
  Duration deadline{};                ///< end of the request to the start of the response
  Replay replay = Replay::Idempotent;
  unsigned attempts = 0;              ///< in all, the first included
  std::uint64_t body_max = 0;         ///< bytes; larger: 413
  std::uint64_t retain_max = 0;       ///< bytes of request body kept for replay; larger ones are not replayed once sent
  std::uint64_t retain_memory = 0;    ///< of which in memory, the rest in a file
  Duration body_timeout{};            ///< no byte of the request body
  std::uint32_t body_rate_min = 0;    ///< bytes a second after the first body_timeout; 0: none
  std::uint64_t shield = 0;           ///< bytes of response held back until whole; 0: none
  Duration shield_time{};             ///< a response of unknown length is held no longer than this
  bool resume = true;                 ///< continue larger responses by range or by compared prefix
  bool trailers = false;              ///< forward trailer fields
  std::vector<HeaderOp> request_headers;
  std::vector<HeaderOp> response_headers;
  std::string error_page;             ///< body for 502, 503, 504: the file's contents, loaded
  std::string error_type;             ///< its media type

  bool operator==(const Route&) const = default;
};

struct Snapshot {
  std::string file;                   ///< path it came from
  std::string hash;                   ///< of the file's text, hex
  std::uint64_t generation = 0;       ///< counts reloads, from 1
  std::string cluster;                ///< its name
  Cluster pair;                       ///< the rest of [cluster]
  std::string node;                   ///< which node this is; empty in a simplex file
  std::vector<Node> nodes;
  std::vector<Vip> vips;
  Process process;
  Admin admin;
  std::vector<Listen> listens;
  std::vector<Service> services;
  std::vector<Route> routes;          ///< most specific first per listener is the router's work, not the file's

  const Service* service(std::string_view name) const {
    for (const Service& s : services)
      if (s.name == name) return &s;
    return nullptr;
  }
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace holdfast::conf
