// sqlnode: a stand-in for one node of a SQL Server pair, to test and demonstrate Holdfast with.
//
// What it is: a real TDS server (7.1 to 7.4, and 8.0 "strict") that real drivers log in to: PRELOGIN and
// TLS in every mode, LOGIN7, batches, RPC with prepared handles, transaction manager requests, bulk load,
// attention, connection reset and session recovery. Behind it is a small T-SQL over one SQLite file, which
// survives the process and which two nodes may share, as the nodes of a failover cluster share a disk. It
// has the roles of an availability group's replica, and does wrong what a test tells it to do wrong through
// its control socket (control.h).
//
// What it is not: SQL Server. Its T-SQL is what the tests and some drivers need; there are no users but
// logins, no real locking but SQLite's, no replication, no MARS, no Windows logins (only two steps in the
// form of one: session_login.cpp), no cursors, no table-valued parameters, no encryption of columns. Nothing
// of it is part of the product, and nothing here is a claim about how SQL Server is built.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <thread>

#include "tests/sqlnode/control.h"
#include "tests/sqlnode/node.h"
#include "tests/sqlnode/session.h"

namespace holdfast::sqlnode {
namespace {

int open_listener(const Options& options, std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) != 1 ||
      ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 512) != 0) {
    ::close(fd);
    return -1;
  }
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

void serve(Node& node, int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  try {
    Session session(node, fd);
    session.run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sqlnode: a session ended: %s\n", error.what());
  } catch (...) {  // the engine's own error, which no statement has answered
    std::fprintf(stderr, "sqlnode: a session ended: an error of the engine\n");
  }
}

// Accepts while the node listens; a passive node's port is closed.
int accept_all(Node& node) {
  std::uint16_t port = node.options().port;
  int fd = -1;
  bool said = false;
  while (true) {
    if (fd >= 0 && !node.listens()) {
      ::close(fd);
      fd = -1;
    }
    if (fd < 0 && node.listens()) {
      fd = open_listener(node.options(), port);
      if (fd < 0) {
        std::fprintf(stderr, "sqlnode: port %u: %s\n", port, std::strerror(errno));
        return 1;
      }
    }
    if (!said) {
      std::printf("ready %u\n", port);
      std::fflush(stdout);
      said = true;
    }
    pollfd wait{fd, POLLIN, 0};
    if (::poll(&wait, 1, 20) <= 0) continue;
    const int client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) std::thread([&node, client] { serve(node, client); }).detach();
  }
}

int run(int count, char** words) {
  const auto options = parse_options(count, words);
  if (!options) {
    std::fprintf(stderr, "sqlnode: %s\n%s", options.error().text.c_str(), usage);
    return 2;
  }
  auto certificate = TlsCertificate::load(options->certificate);
  if (!certificate) {
    std::fprintf(stderr, "sqlnode: %s\n", certificate.error().text.c_str());
    return 2;
  }
  Node node(*options, open_database(options->data, options->durable), std::move(*certificate));
  if (!options->control.empty()) {
    if (const auto control = start_control(node, options->control); !control) {
      std::fprintf(stderr, "sqlnode: %s\n", control.error().text.c_str());
      return 2;
    }
  }
  return accept_all(node);
}

}  // namespace
}  // namespace holdfast::sqlnode

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return holdfast::sqlnode::run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sqlnode: %s\n", error.what());
    return 1;
  } catch (...) {  // the engine's own error
    std::fprintf(stderr, "sqlnode: --data cannot be opened\n");
    return 1;
  }
}
