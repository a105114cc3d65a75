// The HTTP side of the simulated world: origins that remember what they executed, and clients that
// know what they must be told. Both are simple on purpose and share only the body decoder with the proxy.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/http/body.h"
#include "tests/sim/sim_loop.h"

namespace holdfast::sim {

/// What all instances of a service share, as a replica pair shares its database.
struct Journal {
  std::map<std::string, int> executed;  ///< request id -> times
};

/// A body of pseudo-random letters: the same bytes for the same salt.
std::string blob(std::size_t size, std::uint32_t salt = 1);

/// An instance: GET /blob/N, GET /stream/N (chunked), GET /own/N (other bytes on each host), PUT and POST
/// (executed, answered with the body's size).
class Origin final : public io::ListenerEvents {
 public:
  Origin(SimWorld& world, int host, Journal& journal);
  ~Origin();
  int host() const { return host_; }

 private:
  class Connection;
  void on_accept(io::StreamPtr stream) override;

  Journal& journal_;
  std::unique_ptr<io::Loop> loop_;
  int host_;  ///< also the salt of /own
  io::ListenerPtr listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

struct Request {
  std::string id, method, path, body;
  bool chunked = false;
};

/// How a request ended, as its client saw it.
struct Outcome {
  unsigned status = 0;      ///< 0: no whole response
  std::string body;
  bool cut = false;         ///< the connection ended inside the response
  int answers = 0;          ///< heads seen; more than one is a bug
};

/// Sends its requests one after the other over keep-alive connections.
class Client final : public io::StreamEvents, public io::TimerEvents {
 public:
  Client(SimWorld& world, const Address& proxy, std::vector<Request> requests);
  ~Client();
  bool done() const { return next_ == requests_.size() && !waiting_; }
  const std::vector<Request>& requests() const { return requests_; }
  const std::vector<Outcome>& outcomes() const { return outcomes_; }

  void on_connected() override {}
  void on_data(Bytes data) override;
  void on_end() override { ended(); }
  void on_fault(io::Fault, std::string_view) override { ended(); }
  void on_timer() override { send_next(); }

 private:
  void send_next();
  void ended();
  void finish(bool keep);
  bool take_head();

  SimWorld& world_;
  Address proxy_;
  std::vector<Request> requests_;
  std::vector<Outcome> outcomes_;
  std::unique_ptr<io::Loop> loop_;
  io::TimerPtr timer_;
  io::StreamPtr stream_;
  std::size_t next_ = 0;
  bool waiting_ = false, in_body_ = false, close_ = false;
  std::string in_;
  http::BodyDecoder body_;
};

}  // namespace holdfast::sim
