// Two TLS sessions that talk to each other in memory.
#pragma once

#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "proxy/io/tls.h"

namespace holdfast::test {

using io::TlsContext, io::TlsSession;

using Context = std::shared_ptr<const TlsContext>;

/// One end: its session, what it has to send, what it received and how it ended.
struct End {
  std::unique_ptr<TlsSession> session;
  std::string out, plain, error;
  bool done = false, closed = false;

  // Feeds in pieces of `chunk` into a plaintext buffer of `room`.
  void take(std::string bytes, std::size_t chunk, std::size_t room) {
    std::string buffer(room, '\0');
    Bytes left = bytes;
    do {
      Bytes piece = left.substr(0, chunk);
      left.remove_prefix(piece.size());
      for (;;) {
        auto step = session->feed(piece, buffer.data(), buffer.size(), out);
        if (!step) {
          error = step.error().text;
          return;
        }
        piece.remove_prefix(step->taken);
        plain.append(buffer, 0, step->plain);
        done = done || step->handshake_done;
        closed = closed || step->closed;
        if (!step->taken && !step->plain && !step->handshake_done) break;
      }
      if (!piece.empty() && !closed) error = "bytes were not taken";
    } while (!left.empty());
  }
};

struct Pair {
  End client, server;
  Pair(const Context& c, const Context& s)
      : client{c->session(), {}, {}, {}}, server{s->session(), {}, {}, {}} {}

  void talk(std::size_t chunk = 100000, std::size_t room = 65536) {
    client.take("", chunk, room);
    for (int turn = 0; turn < 20 && (!client.out.empty() || !server.out.empty()); ++turn) {
      std::string bytes;
      bytes.swap(client.out);
      if (server.error.empty()) server.take(bytes, chunk, room);
      bytes.clear();
      bytes.swap(server.out);
      if (client.error.empty()) client.take(bytes, chunk, room);
    }
  }
  void shake() {
    talk();
    INFO(client.error << " / " << server.error);
    REQUIRE((client.done && server.done));
  }
};

}  // namespace holdfast::test
