#include "conf/rules.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace holdfast::conf;

namespace {

struct Row {
  const char* rule_name;
  const char* (*rule)(std::string_view);
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

}  // namespace

TEST_CASE("rules take what is safe, and nothing else") {
  const std::vector<Row> rows = {
      {"name",
       rule_name,
       {"a", "ef-a", "sql_1", std::string(64, 'x')},
       {"", "a.b", "a b", "\xc3\xa4", std::string(65, 'x')}},
      {"token",
       rule_token,
       {"X-A", "a!#$%&'*+-.^_`|~9"},
       {"", "a b", "a:", "a\r\nb", "a=", std::string("a\0", 2)}},
      {"method", rule_method, {"GET", "M-SEARCH"}, {"", "get", "GET ", "CONNECT"}},
      {"cookie", rule_cookie, {"HF", "__Host-a"}, {"", "a;b", "a=b", "a b", "\"a\""}},
      {"url path", rule_url_path, {"/", "/a?b=c"}, {"", "a", "/a b", "/a#b", "/a\r\n", "http://a/"}},
      {"route path",
       rule_route_path,
       {"/", "/*", "/a", "/a/*", "/a/*/b", "/*/*"},
       {"", "a", "*", "/a*", "/*a", "/a/b*/c", "/a?b", "/**"}},
      {"host pattern",
       rule_host_pattern,
       {"a", "a.example", "*.example", "10.0.0.1", "[::1]", "A.example."},
       {"", "*", "*.", "a.example:80", "a..b", ".a", "a/b", "a*.b", "*.*.a", "[::g]"}},
      {"host field",
       rule_host_field,
       {"a.example", "a.example:8080", "[::1]:80", "[::1]"},
       {"", ":80", "a:", "a:b", "a b", "a:123456", "a\r\nb"}},
      {"header name",
       rule_header_name,
       {"X-A", "Host", "Cache-Control"},
       {"", "X A", "X:", "Connection", "TRANSFER-ENCODING", "content-length", "Upgrade", "TE", "Trailer",
        "keep-alive"}},
      {"header value",
       rule_header_value,
       {"", "a", "a b\tc", "\xc3\xa4"},
       {" a", "a ", "a\r\nb", "a\nb", "\t", std::string("a\0b", 3), "\x7f"}},
      {"ip", rule_ip, {"10.0.0.1", "::1"}, {"", "10.0.0", "10.0.0.1:80", "a"}},
      {"network",
       rule_network,
       {"10.0.0.1/24", "::/0", "10.0.0.1"},
       {"", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1"}},
      {"interface", rule_interface, {"eth0", "bond0.12"}, {"", "a/b", "a b", "sixteen-chars-xx"}},
      {"alpn", rule_alpn, {"http/1.1", "http/1.0"}, {"", "h2", "spdy"}},
  };
  for (const Row& row : rows) {
    for (const std::string& text : row.good) {
      INFO(row.rule_name << " should take: " << text);
      CHECK(row.rule(text) == nullptr);
    }
    for (const std::string& text : row.bad) {
      INFO(row.rule_name << " should refuse: " << text);
      CHECK(row.rule(text) != nullptr);
    }
  }
}
