#include "tests/portal/journal.h"
#include "tests/portal/server.h"
#include "tests/portal/sql_store.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <thread>

namespace portal {

Portal::Portal(const Options& o)
    : options(o),
      store(o.sql_port != 0 ? std::unique_ptr<Store>(new SqlStore(o.sql_port, o.name))
                            : std::unique_ptr<Store>(new Journal(o.data))) {}

namespace {

constexpr unsigned connections_max = 1024;

/// Open connections, so that a stop can wake those that wait for a request.
class Connections {
 public:
  bool add(int fd) {
    std::lock_guard lock(mutex_);
    return open_.size() < connections_max && open_.insert(fd).second;
  }
  void remove(int fd) {
    std::lock_guard lock(mutex_);
    open_.erase(fd);
    ::close(fd);
  }
  std::size_t wake() {
    std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RD);
    return open_.size();
  }

 private:
  std::mutex mutex_;
  std::set<int> open_;
};

bool plain(Portal& portal, const Request& request, Wire& wire) {
  Response response = request.path.starts_with("/admin/") ? admin(portal, request) : answer(portal, request);
  response.headers.emplace_back("X-Instance", portal.options.name);
  const std::string attempt = request.header("X-Holdfast-Attempt");
  if (!attempt.empty()) response.headers.emplace_back("X-Attempt", attempt);
  const bool keep = request.keep_alive && !portal.stopping;
  std::string bytes = head_of(response, static_cast<long long>(response.body.size()), keep);
  if (request.method != "HEAD") bytes += response.body;
  return wire.write(bytes) && keep;
}

bool handle(Portal& portal, const Request& request, Wire& wire) {
  ++portal.requests;
  const bool admin = request.path.starts_with("/admin/");
  while (portal.hung && !admin && !portal.stopping)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  if (!portal.failing && request.path == "/api/blob") return blob(portal, request, wire);
  if (!portal.failing && request.path == "/live") return live(portal, request, wire);
  return plain(portal, request, wire);
}

/// What writes its answer itself has no other way to say that the store failed.
bool served(Portal& portal, const Request& request, Wire& wire) {
  try {
    return handle(portal, request, wire);
  } catch (const StoreFailed& failure) {
    std::fprintf(stderr, "portal %s: %s\n", portal.options.name.c_str(), failure.what());
    return false;
  }
}

void connection(Portal& portal, Connections& connections, int fd) {
  Wire wire(fd);
  for (;;) {
    Request request;
    if (!wire.read(request) || !served(portal, request, wire)) break;
    if (portal.stopping && wire.idle()) break;
  }
  connections.remove(fd);
}

int listen_on(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 1024) != 0) {
    std::perror("portal: listen");
    return -1;
  }
  return fd;
}

void accept_one(Portal& portal, Connections& connections, int listener) {
  const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd < 0) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!connections.add(fd)) {
    ::close(fd);
    return;
  }
  std::thread(connection, std::ref(portal), std::ref(connections), fd).detach();
}

}  // namespace

int serve(const Options& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const int stop = ::signalfd(-1, &signals, SFD_CLOEXEC);
  const int listener = listen_on(options.port);
  if (listener < 0) return 1;

  // Detached threads may outlive this function by a moment: what they use is never destroyed.
  Portal& portal = *new Portal(options);
  Connections& connections = *new Connections;
  std::printf("portal %s (a demo, not Supervisor Tools) on 127.0.0.1:%d\n", options.name.c_str(),
              options.port);
  std::fflush(stdout);
  pollfd waits[] = {{listener, POLLIN, 0}, {stop, POLLIN, 0}};
  while (::poll(waits, 2, -1) >= 0 && !waits[1].revents)
    if (waits[0].revents) accept_one(portal, connections, listener);

  ::close(listener);
  portal.stopping = true;
  for (int i = 0; i < 250 && connections.wake() > 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  std::fflush(stdout);
  ::_exit(0);
}

}  // namespace portal
