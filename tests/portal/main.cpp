// A stand-in for Supervisor Tools, for the demo and the integration tests. It is NOT Supervisor Tools:
// its calls, queues and customers are made up from the clock. It shares no code with Holdfast, so that
// it does not share its bugs: blocking sockets, a thread a connection, its own HTTP.
//
//   portal --port N --name ef-a [--data FILE | --sql PORT] [--peer NAME=PORT]... [--cluster PORT]
//   portal --call http://HOST:PORT [--rate PER_SECOND] [--seconds N] [--acknowledged FILE]     see caller.h
//
// FILE is the replicas' shared "database", an append-only journal; with --sql they keep what they know behind
// that port of 127.0.0.1, in SQL Server's protocol (login portal, password portal). --cluster tells the page
// the port of who moves and breaks the SQL nodes (tests/integration/demo_sql.py). --peer tells it the direct
// ports of all instances. It listens on 127.0.0.1 only. SIGTERM: requests in progress are answered,
// exit 0. Every answer carries X-Instance; X-Attempt repeats the request's X-Holdfast-Attempt.
//
// GET  /                     the portal (log in with any name; the session is in FILE: both replicas know it)
// GET  /health               200, or 503 when failing or stopping
// GET  /api/ivr/lookup?caller=N     JSON
// POST /api/ivr/event        executed: one "exec ID METHOD PATH INSTANCE" line in FILE. ID: X-Call-Id,
//                            else X-Request-Id. A repeated Idempotency-Key is not executed again.
// POST /api/count            the same; GET /api/count: {"executed", "posts_twice"} over both replicas
// PUT  /api/ivr/record/ID    executed; stores length and hash of the body. GET shows them.
// GET  /api/blob?size=N      N deterministic bytes; ETag (strong), Range, If-Range. Also:
//        &etag=0 no validator  &chunked=1 no length  &vary=1 bytes differ per instance
//        &die-at=M&token=T   kill -9 of itself after M bytes, once per T over both replicas
//        &cut-at=M&token=T   reset the connection instead
//        &pause=MS           sleep after each 64 KiB
// GET  /slow?ms=N            answers after N ms
// ANY  /api/echo             the request as the instance saw it, as JSON
// GET  /status?code=N        answers N
// GET  /live                 WebSocket: echoes, and sends a tick of the portal's numbers each second
// GET|POST /admin/kill | hang | fail?status=N | heal     on the direct port; hang: all but /admin waits
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/portal/caller.h"
#include "tests/portal/server.h"

namespace {

int usage() {
  std::fprintf(stderr,
               "usage: portal --port N --name NAME [--data FILE | --sql PORT] [--peer NAME=PORT]... "
               "[--cluster PORT]\n"
               "       portal --call http://HOST:PORT [--rate N] [--seconds N] [--acknowledged FILE]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  portal::Options serve;
  portal::CallOptions call;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--port")
      serve.port = std::atoi(value.c_str());
    else if (flag == "--name")
      serve.name = value;
    else if (flag == "--data")
      serve.data = value;
    else if (flag == "--sql")
      serve.sql_port = std::atoi(value.c_str());
    else if (flag == "--cluster")
      serve.cluster_port = std::atoi(value.c_str());
    else if (flag == "--acknowledged")
      call.acknowledged = value;
    else if (flag == "--peer")
      serve.peers.push_back(value);
    else if (flag == "--call")
      call.url = value;
    else if (flag == "--rate")
      call.rate = std::atoi(value.c_str());
    else if (flag == "--seconds")
      call.seconds = std::atoi(value.c_str());
    else
      return usage();
  }
  if (argc % 2 == 0) return usage();
  signal(SIGPIPE, SIG_IGN);
  if (!call.url.empty()) return portal::call(call);
  if (serve.port <= 0 || serve.name.empty()) return usage();
  return portal::serve(serve);
}
