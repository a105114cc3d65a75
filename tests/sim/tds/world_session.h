// One session of the simulated world, and a connection that no session has. For world.cpp and sharing.cpp.
#pragma once

#include "tests/sim/tds/world.h"

namespace holdfast::tds::sim {

// What a driver would be: pipes of bytes, and a server that is asked for.
struct World::Session final : ConversationHost {
  Session(World& w, int id)
      : world(w), client(id, w.random_, w.setting_, w.ledger_, w.ids_, w.failure_), id(id) {
    client.note = [&w](const std::string& what) { w.note(what); };
  }

  void to_client(Bytes bytes) override { towards_client += bytes; }
  void to_server(Bytes bytes) override {
    if (server && !server->dead)
      towards_server += bytes;
    else if (!gone)
      world.note("bytes for a server that is gone");
  }
  void want_server() override { wanted = true; }
  void drop_server() override {
    if (!server) world.failure_ = "a server dropped that is not there";
    finish_dropped();
    server.reset();
    towards_server.clear();
    gone = false;
  }
  // What the socket already had may still be read and done by a node that lives.
  void finish_dropped() {
    if (!server || server->dead || !world.random_.chance(50)) return;
    server->receive(towards_server);
    while (server->has_work() && server->broken.empty()) server->work(false);
    if (!server->broken.empty()) world.failure_ = "server: " + server->broken;
  }
  void end(std::string_view outcome, bool reset) override {
    ending = true;
    world.note("session " + std::to_string(id) + " ends: " + std::string(outcome) + (reset ? ", reset" : ""));
    if (reset) towards_client.clear();
  }
  void on_failover_error(std::uint32_t) override {}
  void on_request(const RequestRecord& record) override {
    world.note("session " + std::to_string(id) + " " + std::string(record.outcome) + " " +
               std::to_string(record.error));
  }

  World& world;
  FakeClient client;
  const int id;
  std::unique_ptr<FakeServer> server;
  std::unique_ptr<Conversation> conversation;
  std::string towards_client, towards_server, from_client;
  bool wanted = false, ending = false, gone = false;
  std::uint64_t replayed = 0;
};

struct World::Free {
  std::unique_ptr<FakeServer> server;
  Conversation::Handover handover;
  bool gone = false;
};

}  // namespace holdfast::tds::sim
