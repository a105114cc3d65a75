#include "conf/rules.h"
#include "conf/schema.h"

namespace holdfast::conf {
namespace {

constexpr Range kDay = {1, 86'400'000};

// clang-format off: a row is two lines, what it is and what it says
constexpr Directive kTls[] = {
    {"certificate", Kind::FileList, "", slot<&ListenTls::certificates>,
     "PEM files with a certificate and its chain, one per name served (SNI).", {1, 64}, nullptr, true},
    {"key", Kind::FileList, "", slot<&ListenTls::keys>,
     "PEM files of the private keys, in the same order; by default the key stands in the certificate's "
     "file.", {1, 64}},
    {"min-version", Kind::TlsVersion, "1.2", slot<&ListenTls::tls13_only>,
     "Lowest version of TLS: \"1.2\" or \"1.3\"."},
    {"ciphers", Kind::Text, "", slot<&ListenTls::ciphers>,
     "TLS 1.2 ciphers, as OpenSSL writes them; OpenSSL's own choice by default.", {}, rule_printable},
    {"alpn", Kind::TextList, "http/1.1", slot<&ListenTls::alpn>,
     "HTTP: protocols offered in ALPN.", {1, 4}, rule_alpn},
    {"tickets", Kind::Boolean, "true", slot<&ListenTls::tickets>,
     "Session tickets: a returning client skips half the handshake."},
    {"client-ca", Kind::File, "", slot<&ListenTls::client_ca>,
     "PEM file of authorities; given, a client must show a certificate of theirs."},
};

constexpr Directive kLimits[] = {
    {"connections", Kind::Count, "0", slot<&Listen::max_connections>,
     "Open connections; 0: no limit.", {0, 10'000'000}},
    {"connections-per-client", Kind::Count, "0", slot<&Listen::max_connections_per_client>,
     "Open connections of one client address; 0: no limit.", {0, 10'000'000}},
    {"requests-per-connection", Kind::Count, "0", slot<&Listen::requests_per_connection>,
     "Requests, after which a connection is closed; 0: no limit.", {0, 1'000'000'000}},
    {"request-line", Kind::Size, "8KiB", slot<&Listen::limits, &HttpLimits::request_line>,
     "Longest request line; longer: 414.", {64, 1 << 20}},
    {"header-bytes", Kind::Size, "32KiB", slot<&Listen::limits, &HttpLimits::header_bytes>,
     "Longest request head, its first line included; longer: 431.", {256, 1 << 20}},
    {"header-count", Kind::Count, "100", slot<&Listen::limits, &HttpLimits::header_count>,
     "Most header fields; more: 431.", {4, 10'000}},
    {"chunk-extension", Kind::Size, "256B", slot<&Listen::limits, &HttpLimits::chunk_extension>,
     "Longest extension of one chunk.", {0, 64 << 10}},
    {"trailer-bytes", Kind::Size, "8KiB", slot<&Listen::limits, &HttpLimits::trailer_bytes>,
     "Longest trailer section.", {0, 1 << 20}},
    {"pipelined", Kind::Size, "64KiB", slot<&Listen::limits, &HttpLimits::pipelined>,
     "Bytes read ahead of the request being answered.", {1 << 10, 16 << 20}},
    {"leading-crlf", Kind::Count, "2", slot<&Listen::limits, &HttpLimits::leading_crlf>,
     "Empty lines accepted before a request (RFC 9112 section 2.2).", {0, 16}},
};

constexpr Directive kTimeouts[] = {
    {"header", Kind::Duration, "10s", slot<&Listen::timeouts, &ListenTimeouts::header>,
     "From the first byte of a request to the end of its head.", kDay},
    {"handshake", Kind::Duration, "10s", slot<&Listen::timeouts, &ListenTimeouts::handshake>,
     "TLS handshake, and the PROXY header before it.", kDay},
    {"idle", Kind::Duration, "75s", slot<&Listen::timeouts, &ListenTimeouts::idle>,
     "Keep-alive between two requests.", kDay},
    {"write", Kind::Duration, "30s", slot<&Listen::timeouts, &ListenTimeouts::write>,
     "The client takes no byte of a response.", kDay},
    {"tds-connect", Kind::Duration, "15s", slot<&Listen::tds_connect_deadline>,
     "tds: how long a new connection waits for a live instance.", kDay},
    {"tds-idle", Kind::Duration, "1d", slot<&Listen::tds_idle>,
     "tds: no byte either way.", {1, 30ull * 86'400'000}},
};

constexpr Directive kListen[] = {
    {"bind", Kind::BindList, "", slot<&Listen::bind>,
     "Addresses: \"ip:port\", \"[::]:port\", \"*:port\" (IPv4 and IPv6), "
     "\"vip.NAME:port\".", {1, 64}, nullptr, true},
    {"protocol", Kind::Choice, "http", slot<&Listen::protocol>,
     "HTTP, or SQL sessions (TDS)."},
    {"mode", Kind::Choice, "aware", slot<&Listen::tds, &ListenTds::mode>,
     "tds: sessions are understood and outlive their server, or bytes are relayed unseen."},
    {"encrypt", Kind::Choice, "", slot<&Listen::tds, &ListenTds::encrypt>,
     "tds, aware: no TLS, TLS at least for the login, or TLS for everything. \"login\" by default where "
     "there is a certificate, else \"none\"; TDS 8.0 clients need only the certificate.", {0, 3}},
    {"service", Kind::Text, "", slot<&Listen::service>,
     "tds: the service whose live instance is used. HTTP uses routes.", {}, rule_name},
    table("tls", Kind::Option, kTls, part<&Listen::tls>, "Given, clients must speak TLS; on a tds listener they may, see `encrypt`."),
    {"redirect-https", Kind::Count, "0", slot<&Listen::redirect_https>,
     "Answer every request with 308 to https on this port; 0: do not.", {0, 65'535}},
    {"accept-proxy", Kind::Boolean, "false", slot<&Listen::proxy_protocol, &ProxyProtocol::accept>,
     "Every connection begins with a PROXY protocol header, version 1 or 2."},
    {"accept-proxy-from", Kind::NetworkList, "", slot<&Listen::proxy_protocol, &ProxyProtocol::trusted>,
     "Only connections from here may connect and are believed; from anyone by default.", {1, 256}},
    {"trusted-forwarders", Kind::NetworkList, "", slot<&Listen::trusted_forwarders>,
     "Clients whose X-Forwarded-* and Forwarded fields are kept and added to; others' are "
     "replaced.", {1, 256}},
    {"access-log", Kind::Boolean, "true", slot<&Listen::access_log>,
     "Write this listener's requests to the access log."},
    table("limits", Kind::Group, kLimits, same, "Limits on connections and on one request."),
    table("timeouts", Kind::Group, kTimeouts, same, "Timeouts towards the client."),
};
// clang-format on

}  // namespace

std::span<const Directive> listen_rows() { return kListen; }

}  // namespace holdfast::conf
