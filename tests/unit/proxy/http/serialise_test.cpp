#include "proxy/http/serialise.h"

#include <catch2/catch.hpp>

#include <string>

#include "proxy/http/parser.h"

using namespace holdfast;
using namespace holdfast::http;
using conf::HeaderOp;
using conf::HeaderOpKind;

namespace {

RequestContext context_of(std::span<const HeaderOp> ops = {}) {
  RequestContext c;
  c.client = "192.0.2.7";
  c.family = Address::Family::V4;
  c.generated_id = "id-1";
  c.default_host = "10.0.0.1:80";
  c.ops = ops;
  return c;
}

/// Parses `block`, forwards it and checks that what comes out is itself a request we would accept.
std::string forward(const std::string& block, RequestContext context, std::string_view* id = nullptr) {
  HeadParser parser;
  RequestHead head;
  INFO(block);
  auto parsed = parser.parse_request(block, {}, head);
  if (!parsed) FAIL("refused: " << parsed.error().rule);
  context.framing = head.framing;
  context.content_length = head.content_length;
  std::string out;
  std::string_view written = write_request_head(head, context, out);
  if (id) *id = written == context.generated_id ? context.generated_id : "client's";
  RequestHead again;
  const std::string whole = out + "\r\n";
  auto reparsed = parser.parse_request(whole, {}, again);
  INFO(out);
  if (!reparsed) FAIL("forwarded head refused: " << reparsed.error().rule);
  CHECK(again.framing == head.framing);
  CHECK(again.content_length == head.content_length);
  CHECK(again.target == head.target);
  CHECK(again.method_text == head.method_text);
  return out;
}

std::string get(const std::string& fields) {
  return "GET /a HTTP/1.1\r\nHost: a.example\r\n" + fields + "\r\n";
}

std::string respond(const std::string& block, const ResponseContext& context, bool to_head = false) {
  HeadParser parser;
  ResponseHead head;
  INFO(block);
  auto parsed = parser.parse_response(block, {}, to_head, head);
  if (!parsed) FAIL("refused: " << parsed.error().rule);
  std::string out;
  write_response_head(head, context, out);
  return out;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("Max-Forwards counts down for OPTIONS and TRACE only") {
  HeadParser parser;
  RequestHead head;
  for (auto [request, field, last] : {std::tuple{"OPTIONS", "Max-Forwards: 3", "Max-Forwards: 2"},
                                      std::tuple{"TRACE", "max-forwards: 1", "Max-Forwards: 0"},
                                      std::tuple{"OPTIONS", "Max-Forwards: x", "Max-Forwards: x"},
                                      std::tuple{"GET", "Max-Forwards: 3", "Max-Forwards: 3"}}) {
    const std::string block = std::string(request) + " / HTTP/1.1\r\nHost: a\r\n" + field + "\r\n\r\n";
    REQUIRE(parser.parse_request(block, {}, head));
    CHECK_FALSE(is_last_hop(head));
    std::string out;
    write_request_head(head, {}, out);
    CHECK(has(out, std::string(last) + "\r\n"));
  }
  REQUIRE(parser.parse_request("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", {}, head));
  CHECK(is_last_hop(head));
  REQUIRE(parser.parse_request("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", {}, head));
  CHECK_FALSE(is_last_hop(head));
}

TEST_CASE("the response names the request's id unless the instance did") {
  ResponseContext context;
  context.request_id = "id-1";
  CHECK(has(respond("HTTP/1.1 204 No Content\r\n\r\n", context), "X-Request-Id: id-1\r\n"));
  const std::string own = respond("HTTP/1.1 204 No Content\r\nx-request-id: its\r\n\r\n", context);
  CHECK(has(own, "x-request-id: its\r\n"));
  CHECK_FALSE(has(own, "id-1"));
  CHECK_FALSE(has(respond("HTTP/1.1 103 Early Hints\r\n\r\n", context), "id-1"));
}

TEST_CASE("a request is written anew, in its order") {
  std::string out = forward(
      "POST http://A.example:81/b?c HTTP/1.1\r\nX-One:   1\t\r\nhOsT: a.EXAMPLE:81\r\n"
      "Cookie: a=b\r\nX-Two:\r\nContent-Length: 007\r\n\r\n",
      context_of());
  CHECK(out ==
        "POST /b?c HTTP/1.1\r\nHost: a.EXAMPLE:81\r\nX-One: 1\r\nCookie: a=b\r\nX-Two: \r\n"
        "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.EXAMPLE:81\r\n"
        "Forwarded: for=192.0.2.7;host=\"a.EXAMPLE:81\";proto=http\r\nX-Request-Id: id-1\r\nVia: 1.1 "
        "holdfast\r\n"
        "Content-Length: 7\r\n");
}

TEST_CASE("hop-by-hop fields stay on their hop") {
  std::string out =
      forward(get("Connection: close, X-Drop , cookie\r\nX-drop: 1\r\nCookie: a\r\nKeep-Alive: 5\r\n"
                  "Proxy-Connection: x\r\nProxy-Authorization: secret\r\nTE: trailers, gzip\r\n"
                  "Trailer: A\r\nUpgrade: websocket\r\nHTTP2-Settings: AA\r\nExpect: 100-continue\r\n"
                  "X-Keep: 1\r\n"),
              context_of());
  for (const char* gone : {"drop", "Cookie", "Keep-Alive", "Proxy-", "TE:", "Trailer", "Upgrade", "HTTP2",
                           "Expect", "Connection"})
    CHECK_FALSE(has(out, gone));
  CHECK(has(out, "X-Keep: 1\r\n"));
}

TEST_CASE("Connection cannot name away what this proxy writes") {
  std::string out = forward(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
      "Connection: Host, Content-Length, X-Forwarded-For, Via, X-Request-Id\r\n\r\n",
      context_of());
  for (const char* kept : {"\r\nHost: a\r\n", "Content-Length: 3\r\n", "X-Forwarded-For: 192.0.2.7\r\n",
                           "Via: 1.1", "X-Request-Id: id-1"})
    CHECK(count(out, kept) == 1);
}

TEST_CASE("upgrade, expectation and trailers are passed on only if told") {
  RequestContext c = context_of();
  c.keep_upgrade = c.keep_expect = c.keep_trailers = true;
  std::string out = forward(get("Connection: Upgrade, X\r\nUpgrade: websocket\r\nExpect: 100-continue\r\nTE: "
                                "deflate, Trailers\r\nTrailer: A\r\n"),
                            c);
  for (const char* kept : {"Upgrade: websocket\r\n", "Connection: Upgrade, TE\r\n", "TE: trailers\r\n",
                           "Trailer: A\r\n", "Expect: 100-continue\r\n"})
    CHECK(count(out, kept) == 1);
  CHECK(count(out, "Connection:") == 1);
}

TEST_CASE("an unknown client's claims about forwarding are dropped in every spelling") {
  std::string claims;
  for (const char* name :
       {"X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-HOST", "X-Forwarded-Port",
        "X-Forwarded-Anything", "X_Forwarded_For", "x-forwarded_for", "X_FORWARDED_PORT", "X-Real-IP",
        "X_Real_IP", "Forwarded", "X-Request-Id", "X_Request_Id", "X-Holdfast-Attempt", "x_holdfast-attempt",
        "Content_Length", "transfer_encoding", "Proxy"})
    claims += std::string(name) + ": evil\r\n";
  std::string_view id;
  std::string out = forward(get(claims + "X_Other: kept\r\n"), context_of(), &id);
  CHECK_FALSE(has(out, "evil"));
  CHECK(has(out, "X_Other: kept\r\n"));
  CHECK(id == "id-1");
}

TEST_CASE("a trusted forwarder's claims are joined with ours") {
  RequestContext c = context_of();
  c.trusted = true;
  c.client = "2001:db8::7";
  c.family = Address::Family::V6;
  std::string_view id;
  std::string out = forward(
      get("X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 198.51.100.2\r\nX-Forwarded-Proto: https\r\n"
          "X-Forwarded-Host: public.example\r\nForwarded: for=198.51.100.1\r\nX-Forwarded-Port: 443\r\n"
          "X-Request-Id: theirs\r\nX_Forwarded_For: evil\r\nX-Holdfast-Attempt: 9\r\n"),
      c, &id);
  CHECK(has(out, "X-Forwarded-For: 198.51.100.1, 198.51.100.2, 2001:db8::7\r\n"));
  CHECK(has(out, "X-Forwarded-Proto: https\r\n"));
  CHECK(has(out, "X-Forwarded-Host: public.example\r\n"));
  CHECK(has(out, "X-Forwarded-Port: 443\r\n"));
  CHECK(has(out, "Forwarded: for=198.51.100.1, for=\"[2001:db8::7]\";host=a.example;proto=http\r\n"));
  CHECK(has(out, "X-Request-Id: theirs\r\n"));
  CHECK(id == "client's");
  CHECK_FALSE(has(out, "evil"));
  CHECK_FALSE(has(out, "Attempt"));
  for (const std::string& bad : {std::string(129, 'a'), std::string("a b"), std::string()}) {
    forward(get("X-Request-Id: " + bad + "\r\n"), c, &id);
    CHECK(id == "id-1");
  }
}

TEST_CASE("operations apply in order, and never to framing") {
  const HeaderOp ops[] = {
      {HeaderOpKind::Set, "X-A", "one"},
      {HeaderOpKind::Add, "x-a", "two"},
      {HeaderOpKind::Add, "X-B", "lost"},
      {HeaderOpKind::Remove, "x-b", ""},
      {HeaderOpKind::Add, "X-B", "late"},
      {HeaderOpKind::Remove, "Cookie", ""},
      {HeaderOpKind::Set, "Content-Length", "99"},
      {HeaderOpKind::Add, "Transfer-Encoding", "chunked"},
      {HeaderOpKind::Remove, "Content-Length", ""},
      {HeaderOpKind::Set, "host", "inside.{host}"},
      {HeaderOpKind::Remove, "Host", ""},
      {HeaderOpKind::Remove, "X-Forwarded-Host", ""},
      {HeaderOpKind::Remove, "forwarded", ""},
      {HeaderOpKind::Remove, "Via", ""},
      {HeaderOpKind::Set, "X-C", "{client-ip} {request-id} {proto} {unknown} {"},
      {HeaderOpKind::Set, "X-D", "a\r\nX-Evil: 1"},
      {HeaderOpKind::Set, "X E", "1"},
  };
  std::string out =
      forward("POST / HTTP/1.1\r\nHost: a\r\nX-a: old\r\nX-B: old\r\nCookie: c\r\nContent-Length: 4\r\n\r\n",
              context_of(ops));
  CHECK(out ==
        "POST / HTTP/1.1\r\nHost: inside.a\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
        "X-Request-Id: id-1\r\nX-A: one\r\nx-a: two\r\nX-B: late\r\nX-C: 192.0.2.7 id-1 http {unknown} {\r\n"
        "X-D: aX-Evil: 1\r\nContent-Length: 4\r\n");
}

TEST_CASE("HTTP/1.0 without Host, and chunked") {
  std::string old = forward("GET / HTTP/1.0\r\n\r\n", context_of());
  CHECK(has(old, "Host: 10.0.0.1:80\r\n"));
  CHECK(has(old, "Via: 1.0 holdfast\r\n"));
  CHECK_FALSE(has(old, "X-Forwarded-Host"));
  std::string chunked =
      forward("PUT / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n", context_of());
  CHECK(has(chunked, "Transfer-Encoding: chunked\r\n"));
  CHECK(count(chunked, "hunked") == 1);
}

TEST_CASE("a response is written anew for its client") {
  ResponseContext c;
  c.framing = Framing::Length;
  c.content_length = 5;
  c.date = "D";
  c.set_cookie = "hf=1";
  std::string out = respond(
      "HTTP/1.0 200 Fine\r\nServer:  s\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 1\r\n"
      "Set-Cookie: a\r\nset-cookie: b\r\nContent-Length: 05\r\n\r\n",
      c);
  CHECK(out ==
        "HTTP/1.1 200 Fine\r\nServer: s\r\nSet-Cookie: a\r\nset-cookie: b\r\nDate: D\r\nVia: 1.0 holdfast\r\n"
        "Set-Cookie: hf=1\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("response framing and connection for each kind of client") {
  const std::string chunked =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\nDate: x\r\n\r\n";
  ResponseHead head;
  HeadParser parser;
  REQUIRE(parser.parse_response(chunked, {}, false, head));
  CHECK(client_framing(head, 1) == Framing::Chunked);
  CHECK(client_framing(head, 0) == Framing::UntilClose);
  ResponseContext c;
  c.framing = Framing::Chunked;
  CHECK(respond(chunked, c) ==
        "HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 holdfast\r\nTransfer-Encoding: chunked\r\n\r\n");
  c.framing = Framing::UntilClose;
  CHECK(respond(chunked, c) ==
        "HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 holdfast\r\nConnection: close\r\n\r\n");
  c.framing = Framing::Length;
  c.client_minor = 0;
  CHECK(has(respond(chunked, c), "\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"));
}

TEST_CASE("responses without a body announce the length they were given") {
  ResponseContext c;
  CHECK(has(respond("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", c, true), "Content-Length: 9\r\n\r\n"));
  CHECK(
      has(respond("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", c), "Content-Length: 9\r\n\r\n"));
  CHECK_FALSE(has(respond("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", c), "Content-Length"));
  CHECK_FALSE(has(respond("HTTP/1.1 200 OK\r\n\r\n", c, true), "Content-Length"));
}

TEST_CASE("interim responses carry only what the instance said") {
  ResponseContext c;
  c.date = "D";
  c.set_cookie = "x";
  c.keep_alive = false;
  CHECK(respond("HTTP/1.1 103\r\nLink: a\r\n\r\n", c) == "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n");
  const std::string switching =
      "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s\r\n\r\n";
  CHECK_FALSE(has(respond(switching, c), "Upgrade"));
  c.keep_upgrade = true;
  CHECK(respond(switching, c) ==
        "HTTP/1.1 101 Go\r\nSec-WebSocket-Accept: s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
}

TEST_CASE("trailers lose what only a head may say") {
  std::string out;
  write_trailers(
      "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nAuthorization: x\r\nSet-Cookie: x\r\n"
      "X-Forwarded-For: x\r\nX_Forwarded_For: x\r\nCache-Control: x\r\nGrpc-Status:  0\r\nETag: \"a\"\r\n",
      out);
  CHECK(out == "Grpc-Status: 0\r\nETag: \"a\"\r\n");
}

TEST_CASE("our own answers") {
  std::string out;
  LocalResponse r;
  r.status = 503;
  r.retry_after_seconds = 2;
  r.keep_alive = false;
  r.request_id = "a<b>\"1";
  r.json = true;
  r.date = "D";
  write_local_response(r, out);
  CHECK(
      out ==
      "HTTP/1.1 503 Service Unavailable\r\nServer: holdfast\r\nDate: D\r\nContent-Type: application/json\r\n"
      "Cache-Control: no-store\r\nRetry-After: 2\r\nX-Request-Id: a<b>\"1\r\nConnection: close\r\n"
      "Content-Length: 69\r\n\r\n{\"status\": 503, \"error\": \"Service Unavailable\", \"request_id\": "
      "\"ab1\"}\n");
  out.clear();
  r = {};
  r.status = 405;
  r.fields = "Allow: GET\r\n";
  r.head_only = true;
  r.version_minor = 0;
  write_local_response(r, out);
  CHECK(has(out, "Allow: GET\r\nConnection: keep-alive\r\nContent-Length: 23\r\n\r\n"));
  CHECK(out.ends_with("\r\n\r\n"));
  out.clear();
  write_redirect("https://a/b", true, 1, out);
  CHECK(has(out, "308 Permanent Redirect\r\n"));
  CHECK(has(out, "Location: https://a/b\r\n"));
}

TEST_CASE("the kind of error body follows Accept, then the request's own type") {
  auto json = [](const std::string& fields) {
    HeadParser parser;
    RequestHead head;
    std::string block = get(fields);
    REQUIRE(parser.parse_request(block, {}, head));
    return prefers_json(head) ? 'j' : prefers_html(head) ? 'h' : 't';
  };
  CHECK(json("Accept: application/json\r\n") == 'j');
  CHECK(json("Accept: text/html, application/json;q=0.9\r\n") == 'h');
  CHECK(json("Accept: */*\r\n") == 't');
  CHECK(json("Accept: */*\r\nContent-Type: application/json\r\n") == 't');
  CHECK(json("Content-Type: application/json; charset=utf-8\r\n") == 'j');
  CHECK(json("") == 't');
}
