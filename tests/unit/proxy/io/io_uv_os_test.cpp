// What only the libuv loop has: descriptors, files, threads, processes, signals.
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "tests/sim/io_contract_cases.h"
#include "tests/unit/proxy/io/uv_bench.h"

using namespace holdfast;
using namespace holdfast::io;
using namespace holdfast::io::contract;

namespace {

struct TempDir {
  std::string path = "/tmp/holdfast-io-XXXXXX";
  TempDir() { REQUIRE(mkdtemp(path.data())); }
  ~TempDir() {
    unlink((path + "/s").c_str());
    rmdir(path.c_str());
  }
};

struct Accepting final : ListenerEvents {
  std::vector<StreamPtr> streams;
  std::vector<Fault> faults;
  void on_accept(StreamPtr stream) override { streams.push_back(std::move(stream)); }
  void on_accept_fault(Fault fault, std::string_view) override { faults.push_back(fault); }
};

struct Exit final : ProcessEvents {
  int code = -1, signal = -1;
  std::function<void()> then;
  void on_exit(int c, int s) override {
    code = c, signal = s;
    if (then) then();
  }
};

}  // namespace

TEST_CASE("a Unix listener sets its mode, replaces a dead socket and spares a living one") {
  UvBench b;
  TempDir dir;
  ListenOptions options;
  options.path = dir.path + "/s";
  options.path_mode = 0620;
  Accepting events;
  auto first = b.loop().listen(options, events);
  REQUIRE(first);
  struct stat info {};
  REQUIRE(stat(options.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0620);

  auto second = b.loop().listen(options, events);
  REQUIRE_FALSE(second);
  CHECK(second.error().text.find("in use") != std::string::npos);
  first->reset();  // leaves the file, as a crash would
  b.pass(Duration::millis(2));
  auto third = b.loop().listen(options, events);
  REQUIRE(third);

  Peer client;
  client.stream = b.loop().connect(options.path, client);
  client.write("over a path");
  client.read();
  REQUIRE(b.until([&] { return events.streams.size() == 1; }));
  Peer server;
  server.stream = std::move(events.streams[0]);
  server.stream->set_events(server);
  server.read();
  REQUIRE(b.until([&] { return server.got == "over a path"; }));
  CHECK(server.stream->peer().family == Address::Family::None);
  server.write("and back");
  server.stream->finish();
  server.stream.reset();
  REQUIRE(b.until([&] { return client.ended; }));
  CHECK(client.got == "and back");
}

TEST_CASE("a path that is no socket is not removed, and a long one is refused") {
  UvBench b;
  TempDir dir;
  ListenOptions options;
  options.path = dir.path + "/s";
  close(open(options.path.c_str(), O_CREAT | O_WRONLY, 0600));
  Accepting events;
  CHECK_FALSE(b.loop().listen(options, events));
  CHECK(access(options.path.c_str(), F_OK) == 0);
  options.path = std::string(200, 'x');
  CHECK_FALSE(b.loop().listen(options, events));
  Peer client;
  client.stream = b.loop().connect(options.path, client);
  REQUIRE(b.until([&] { return client.faults == 1; }));
  Peer missing;
  missing.stream = b.loop().connect(dir.path + "/none", missing);
  REQUIRE(b.until([&] { return missing.faults == 1; }));
  CHECK(*missing.fault == Fault::Refused);
}

TEST_CASE("addresses elsewhere and IPv6 can be bound; two listeners share a port; a taken one is an error") {
  UvBench b;
  Accepting events;
  ListenOptions options;
  options.address = *Address::from_ip("192.0.2.77", 0);
  CHECK(b.loop().listen(options, events));
  options.free_bind = false;
  CHECK_FALSE(b.loop().listen(options, events));
  options.free_bind = true;
  options.address = *Address::from_ip("2001:db8::77", 0);
  CHECK(b.loop().listen(options, events));
  options.address = *Address::from_ip("::1", 0);
  auto one = b.loop().listen(options, events);
  REQUIRE(one);
  options.address = (*one)->local();
  CHECK(options.address.port != 0);
  auto two = b.loop().listen(options, events);
  CHECK(two);
  options.reuse_port = false;
  auto taken = b.loop().listen(options, events);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().retryable);
  Peer client;
  client.connect(b.loop(), options.address);
  REQUIRE(b.until([&] { return !events.streams.empty() && client.connected; }));
  CHECK(events.streams[0]->peer().ip() == "::1");
}

TEST_CASE("an inherited descriptor goes on listening") {
  UvBench b;
  Accepting old_events, new_events;
  ListenOptions options;
  options.address = b.address();
  auto old = b.loop().listen(options, old_events);
  REQUIRE(old);
  (*old)->pause();
  Peer client;
  client.connect(b.loop(), (*old)->local());  // waits in the kernel's queue
  REQUIRE(b.until([&] { return client.connected; }));
  options.inherited = dup((*old)->descriptor());
  old->reset();
  auto taken = b.loop().listen(options, new_events);
  REQUIRE(taken);
  CHECK((fcntl((*taken)->descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
  REQUIRE(b.until([&] { return new_events.streams.size() == 1; }));
  CHECK(old_events.streams.empty());
  options.inherited = 0x7fff;
  CHECK_FALSE(b.loop().listen(options, new_events));
}

TEST_CASE("without descriptors the waiting clients wait, and the loop does not spin") {
  UvBench b;
  Accepting events;
  ListenOptions options;
  options.address = b.address();
  auto listener = b.loop().listen(options, events);
  REQUIRE(listener);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none{static_cast<rlim_t>(client), before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons((*listener)->local().port);
  raw.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(client, reinterpret_cast<sockaddr*>(&raw), sizeof raw);
  Instant start = b.loop().now();
  b.pass(Duration::millis(250));
  auto back_offs = static_cast<std::size_t>((b.loop().now() - start).to_millis() / 100);
  setrlimit(RLIMIT_NOFILE, &before);  // first: UBSan's own checks need descriptors
  REQUIRE(events.faults.size() >= 2);
  CHECK(events.faults.size() <= back_offs + 2);
  CHECK(events.faults[0] == Fault::NoResources);
  CHECK(b.until([&] { return events.streams.size() == 1; }));
  close(client);
}

TEST_CASE("tasks from other threads arrive all, each thread's in order, on the loop's thread") {
  UvBench b;
  constexpr int kThreads = 4, kTasks = 2000;
  int next[kThreads] = {}, misplaced = 0;
  auto home = std::this_thread::get_id();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kTasks; ++i)
        b.loop().post([&, t, i] { misplaced += next[t]++ != i || std::this_thread::get_id() != home; });
    });
  bool all = b.until([&] { return next[0] + next[1] + next[2] + next[3] == kThreads * kTasks; });
  for (auto& thread : threads) thread.join();
  CHECK(all);
  CHECK(misplaced == 0);
}

TEST_CASE("children report their exit, may be let go inside it, and are killed with their group") {
  UvBench b;
  Exit events;
  auto process = b.loop().spawn({"sh", "-c", "read x; exit 7"}, events);  // standard input is empty
  REQUIRE(process);
  events.then = [&] { process->reset(); };
  REQUIRE(b.until([&] { return events.code == 7; }));
  CHECK_FALSE(b.loop().spawn({"/nonexistent/holdfast"}, events));
  CHECK_FALSE(b.loop().spawn({}, events));

  int pipe_ends[2];  // inherited: its end tells when the grandchild is gone
  REQUIRE(pipe(pipe_ends) == 0);
  fcntl(pipe_ends[0], F_SETFL, O_NONBLOCK);
  Exit killed;
  auto shell = b.loop().spawn({"sh", "-c", "sleep 100 & wait"}, killed);
  REQUIRE(shell);
  close(pipe_ends[1]);
  char byte;
  b.pass(Duration::millis(20));
  CHECK(read(pipe_ends[0], &byte, 1) == -1);
  shell->reset();
  CHECK(b.until([&] { return read(pipe_ends[0], &byte, 1) == 0; }));
  CHECK(b.until([&] { return b.loop().handles() == b.own_handles(); }));
  CHECK(killed.code == -1);
  close(pipe_ends[0]);
  Exit last;
  auto left = b.loop().spawn({"sleep", "100"}, last);
  REQUIRE(left);
  left->reset();  // the loop's end waits for it
}

TEST_CASE("signals are tasks of the loop") {
  UvBench b;
  int seen = 0;
  b.loop().on_signal(SIGUSR2, [&] { ++seen; });
  raise(SIGUSR2);
  CHECK(seen == 0);
  REQUIRE(b.until([&] { return seen == 1; }));
  raise(SIGUSR2);
  REQUIRE(b.until([&] { return seen == 2; }));
}

TEST_CASE("a disposed stream whose peer never ends is closed in time") {
  UvBench b;
  {
    Server server(b.loop(), b.address());
    server.accepted = [](Peer& p) {
      p.write("bye");
      p.stream->finish();
      p.stream.reset();
    };
    Peer client;
    client.connect(b.loop(), server.at());
    REQUIRE(b.until([&] { return client.connected && !server.peers.empty(); }));
    std::size_t open = b.loop().handles();
    Instant start = b.loop().now();
    REQUIRE(b.until([&] { return b.loop().handles() < open; }));
    CHECK(b.loop().now() - start < Duration::seconds(5));
    CHECK(b.loop().now() - start > Duration::millis(900));
  }
  CHECK(all_closed(b));
}

TEST_CASE("a reset that a write has met is a fault, though the kernel then shows a read a clean end") {
  UvBench b;
  Server server(b.loop(), b.address());
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server.at().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
  REQUIRE(b.until([&] { return !server.peers.empty(); }));
  Peer& peer = server.last();
  peer.read();
  const linger abort{1, 0};
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort) == 0);
  ::close(fd);         // the RST is there before this thread's loop polls again
  peer.write("late");  // takes the error off the socket
  REQUIRE(b.until([&] { return peer.faults > 0 || peer.ended; }));
  CHECK(peer.fault == Fault::Reset);
  CHECK_FALSE(peer.ended);
}
