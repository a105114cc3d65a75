// A data loop in its steady state asks for no memory: the real worker on the real loop, with a client that asks
// again and again and a server that answers. The access log's writer has a thread of its own.
#include "proxy/worker.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "conf/load.h"
#include "tests/unit/allocations/count.h"

using namespace holdfast;
using allocations::counted;
using allocations::counting;

namespace {

constexpr unsigned warm_up = 200, watched = 100;

/// Answers whatever arrives with the same bytes; its clients send one question in one piece.
class Server final : public io::ListenerEvents, public io::StreamEvents {
 public:
  Server(io::Loop& loop, std::string answer) : answer_(std::move(answer)) {
    io::ListenOptions options;
    options.address = *Address::from_ip("127.0.0.1", 0);
    auto listener = loop.listen(options, *this);
    REQUIRE(listener);
    listener_ = std::move(*listener);
  }
  Address address() const { return listener_->local(); }

 private:
  // One connection at a time is all that one client needs.
  void on_accept(io::StreamPtr stream) override {
    stream_ = std::move(stream);
    stream_->set_events(*this);
    stream_->start_reading();
  }
  void on_data(Bytes) override { stream_->write(Bytes(answer_)); }
  void on_end() override {}
  void on_fault(io::Fault, std::string_view) override {}

  std::string answer_;
  io::ListenerPtr listener_;
  io::StreamPtr stream_;
};

/// Asks the next question when the last answer is whole, and counts allocations while it asks the last hundred.
class Client final : public io::StreamEvents, public io::TimerEvents {
 public:
  Client(io::Loop& loop, const Address& to, std::string question, std::string_view end_of_answer)
      : loop_(loop), question_(std::move(question)), end_(end_of_answer), guard_(loop.timer(*this)) {
    guard_->arm(loop.now() + 60_s);
    stream_ = loop.connect(to, *this);
  }
  unsigned answers() const { return answers_; }

 private:
  void on_connected() override {
    stream_->start_reading();
    stream_->write(Bytes(question_));
  }
  void on_data(Bytes data) override {
    if (!data.ends_with(end_)) return;
    ++answers_;
    if (answers_ == warm_up) counting = true;
    if (answers_ == warm_up + watched) {
      counting = false;
      return loop_.stop();
    }
    stream_->write(Bytes(question_));
  }
  void on_end() override { loop_.stop(); }
  void on_fault(io::Fault, std::string_view) override { loop_.stop(); }
  void on_timer() override { loop_.stop(); }

  io::Loop& loop_;
  std::string question_;
  std::string_view end_;
  io::TimerPtr guard_;
  io::StreamPtr stream_;
  unsigned answers_ = 0;
};

/// A worker with one listener and one service, whose only instance is `server`.
struct Proxy {
  Proxy(io::Loop& loop, const Address& server, const std::string& listener, const std::string& more) {
    auto loaded = conf::load_text("[listen.main]\nbind = [\"" + address.text() + "\"]\n" + listener +
                                      "[service.app]\ninstances = { a = \"" + server.text() +
                                      "\" }\ncheck = { none = true }\n" + more,
                                  "test.toml");
    for (const auto& d : loaded.diagnostics) UNSCOPED_INFO(d.format());
    REQUIRE(loaded.snapshot);
    Worker::Setup setup;
    setup.access = access.get();
    setup.metrics = &metrics;
    setup.load = [this](const conf::Service&) -> tds::InstanceLoad& { return load; };
    setup.doorman = [this](const conf::Listen&) -> Doorman& { return door; };
    setup.report = [](std::vector<EvidenceReport>) {};
    worker = std::make_unique<Worker>(loop, std::move(setup));
    auto plan = Plan::make(loaded.snapshot);
    REQUIRE(plan);
    REQUIRE(worker->prepare(**plan, {}));
    worker->commit(*plan);
    ServiceView view;
    view.epoch = 1;
    view.active = 0;
    view.any = true;
    view.instances.push_back({true, false, 1, false});
    worker->publish("app", view);
  }

  Address address = free_address();
  LoopMetrics metrics;
  tds::InstanceLoad load;
  Doorman door{[] {}};
  std::unique_ptr<AccessLog> access = AccessLog::open("/dev/null", conf::LogFormat::Json, 1);
  std::unique_ptr<Worker> worker;

 private:
  static Address free_address() {
    auto loop = io::make_uv_loop();
    struct Nobody final : io::ListenerEvents {
      void on_accept(io::StreamPtr) override {}
    } nobody;
    io::ListenOptions options;
    options.address = *Address::from_ip("127.0.0.1", 0);
    auto listener = loop->listen(options, nobody);
    REQUIRE(listener);
    return (*listener)->local();
  }
};

/// Allocations of `watched` exchanges.
unsigned long steady(const std::string& answer, const std::string& question, const std::string& listener,
                     const std::string& more) {
  auto loop = io::make_uv_loop();
  Server server(*loop, answer);
  Proxy proxy(*loop, server.address(), listener, more);
  Client client(*loop, proxy.address, question, std::string_view(answer).substr(answer.size() - 8));
  counted = 0;
  loop->run();
  counting = false;
  CHECK(client.answers() == warm_up + watched);
  return counted;
}

}  // namespace

TEST_CASE("allocations: none for a request on kept-alive connections") {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Mon, 30 Nov 2026 10:00:00 GMT\r\nContent-Type: text/plain\r\n"
      "Content-Length: 1024\r\nLast-Modified: Mon, 30 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\n"
      "ETag: \"6745b2f3-400\"\r\nAccept-Ranges: bytes\r\n\r\n" +
      std::string(1016, 'x') + "the end.";
  const std::string fields =
      "Host: bench.test\r\nAccept: */*\r\nUser-Agent: a name that is longer than a short string\r\n"
      "X-Forwarded-For: 192.0.2.7\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n";
  CHECK(steady(answer, "GET /some/path/of/a/usual/length?x=1 HTTP/1.1\r\n" + fields + "\r\n", "", "") == 0);
  CHECK(steady(answer,
               "POST /form HTTP/1.1\r\n" + fields + "Content-Length: 300\r\n\r\n" + std::string(300, 'b'), "",
               "") == 0);
}

TEST_CASE("allocations: none for chunks, nor for what a route changes") {
  const std::string answer =
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain\r\n\r\n"
      "10\r\n0123456789abcdef\r\n0\r\n\r\n";
  CHECK(steady(answer, "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n", "",
               "[[route]]\nservice = \"app\"\nhost = \"a.example\"\n"
               "[route.request-headers]\nset = { X-Route = \"{host} of {client-ip}\" }\n"
               "[route.response-headers]\nremove = [\"Server\"]\n") == 0);
}

TEST_CASE("allocations: none for a relayed message") {
  CHECK(steady(std::string(100, 'a') + "the end.", std::string(200, 'q'),
               "protocol = \"tds\"\nmode = \"opaque\"\nservice = \"app\"\n", "") == 0);
}
