// What a text must be to be safe and to mean something: names, paths, hosts, tokens. A rule answers
// null for a good text, or what was expected. Rules never look at the system; read.cpp does.
#pragma once

#include <string_view>

namespace holdfast::conf {

const char* rule_name(std::string_view text);          ///< of a section or an instance
const char* rule_token(std::string_view text);         ///< RFC 9110 section 5.6.2
const char* rule_method(std::string_view text);
const char* rule_cookie(std::string_view text);
const char* rule_url_path(std::string_view text);      ///< may carry a query
const char* rule_route_path(std::string_view text);    ///< "/a", "/a/*", "/a/*/b"
const char* rule_host_pattern(std::string_view text);  ///< "a.example", "*.example", no port
const char* rule_host_field(std::string_view text);    ///< "a.example:8080"
const char* rule_header_name(std::string_view text);   ///< and may be set: not hop-by-hop, not framing
const char* rule_header_value(std::string_view text);
const char* rule_ip(std::string_view text);
const char* rule_network(std::string_view text);
const char* rule_interface(std::string_view text);
const char* rule_printable(std::string_view text);     ///< visible ASCII
const char* rule_alpn(std::string_view text);
const char* rule_digest(std::string_view text);        ///< of a SQL statement

}  // namespace holdfast::conf
