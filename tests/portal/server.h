// The portal as a process: its options, its one shared state, and the threads that serve connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/portal/http.h"
#include "tests/portal/store.h"

namespace portal {

struct Options {
  int port = 0;
  std::string name;
  std::string data;                ///< path of the journal; empty: in memory, unless ...
  int sql_port = 0;                ///< ... data is kept in SQL, behind this port of 127.0.0.1
  int cluster_port = 0;            ///< for the page: who moves and breaks the SQL nodes; 0: nobody
  std::vector<std::string> peers;  ///< "ef-a=8081", direct ports of all instances, for the page
};

struct Portal {
  explicit Portal(const Options& o);

  const Options options;
  const std::unique_ptr<Store> store;
  std::atomic<bool> stopping{false};
  std::atomic<bool> hung{false};
  std::atomic<int> failing{0};     ///< status of every answer; 0: healthy
  std::atomic<std::uint64_t> requests{0};
};

/// Runs until SIGTERM or SIGINT; the process's exit status.
int serve(const Options& options);

// One request each; api.cpp has the table of paths.
Response answer(Portal& portal, const Request& request);
Response admin(Portal& portal, const Request& request);
std::string page(Portal& portal, const std::string& user);  ///< empty user: the login page
std::string numbers(Portal& portal);                        ///< the tick of the live table, JSON

/// These write their answer themselves. False: the connection is over.
bool blob(Portal& portal, const Request& request, Wire& wire);
bool live(Portal& portal, const Request& request, Wire& wire);
std::string accept_key(const std::string& client_key);      ///< RFC 6455 section 4.2.2

}  // namespace portal
