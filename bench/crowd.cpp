// Many HTTP/1.1 clients at once, from 16 source addresses (127.0.0.2 and on), for bench/proxy.
//
//   crowd hold PORT CLIENTS   each asks once and stays, after 32 that warm up. Says "warm", and at a line on
//                             standard input opens the rest and says "held"; at the next one asks again on
//                             every 997th, and says "ok"
//   crowd burst PORT CLIENTS  all connect at the same moment and ask; prints "ANSWERED REFUSED BROKEN MS
//                             MEDIAN_MS": refused while connecting, broken after it or not answered within
//                             20 s, until the last answer, and for the middle one
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr char request[] = "GET /1k HTTP/1.1\r\nHost: bench.test\r\n\r\n";
constexpr std::size_t body = 1024;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "crowd: %s (%s)\n", what, std::strerror(errno));
  std::exit(1);
}

/// A socket of client `number`, bound to its source address; the port is chosen by connect().
int make_socket(int number, int flags) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  if (fd < 0) give_up("no more sockets");
  const int one = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  sockaddr_in source{};
  source.sin_family = AF_INET;
  source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<unsigned>(number) % 16);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0) give_up("bind");
  return fd;
}

sockaddr_in target(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

/// Whether `in` holds a whole answer of 1 KiB.
bool whole(const std::string& in) {
  const std::size_t head = in.find("\r\n\r\n");
  return head != std::string::npos && in.size() >= head + 4 + body;
}

void ask(int fd) {
  if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) give_up("send");
  std::string in;
  while (!whole(in)) {
    char block[4096];
    const ssize_t n = recv(fd, block, sizeof block, 0);
    if (n <= 0) give_up("an idle client was closed");
    in.append(block, static_cast<std::size_t>(n));
  }
  if (!in.starts_with("HTTP/1.1 200")) give_up("not a 200");
}

void say(const char* what) {
  std::puts(what);
  std::fflush(stdout);
}

/// Waits for a line on standard input.
void hear() {
  for (int c = 0; c != '\n';)
    if ((c = std::getchar()) == EOF) give_up("nobody listens any more");
}

int hold(int port, int clients) {
  const sockaddr_in address = target(port);
  std::vector<int> open;
  for (int number = 0; number < clients + 32; ++number) {
    if (number == 32) {
      say("warm");
      hear();
    }
    const int fd = make_socket(number, 0);
    const timeval patience{10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("connect");
    ask(fd);
    open.push_back(fd);
  }
  say("held");
  hear();
  for (std::size_t i = 0; i < open.size(); i += 997) ask(open[i]);
  say("ok");
  return 0;
}

struct Client {
  bool connected = false, done = false;
  std::string in;
};

class Burst {
 public:
  explicit Burst(int clients) : epoll_(epoll_create1(EPOLL_CLOEXEC)), left_(clients) {}

  void start(int port, int clients) {
    const sockaddr_in address = target(port);
    for (int number = 0; number < clients; ++number) {
      const int fd = make_socket(number, SOCK_NONBLOCK);
      if (static_cast<std::size_t>(fd) >= clients_.size())
        clients_.resize(static_cast<std::size_t>(fd) + 1024);
      epoll_event e{};
      e.events = EPOLLIN | EPOLLOUT;
      e.data.fd = fd;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
      if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
          errno != EINPROGRESS)
        end(fd, refused_);
    }
  }

  void run() {
    while (left_ > 0 && Clock::now() < start_ + std::chrono::seconds(20)) {
      epoll_event events[256];
      const int n = epoll_wait(epoll_, events, 256, 100);
      for (int i = 0; i < n; ++i) handle(events[i].data.fd, events[i].events);
    }
    std::sort(took_.begin(), took_.end());
    std::printf("%zu %d %d %.0f %.0f\n", took_.size(), refused_, broken_ + left_,
                took_.empty() ? 0 : took_.back(), took_.empty() ? 0 : took_[took_.size() / 2]);
  }

 private:
  void end(int fd, int& count) {
    ++count;
    --left_;
    clients_[static_cast<std::size_t>(fd)].done = true;
    close(fd);
  }

  void handle(int fd, std::uint32_t events) {
    Client& c = clients_[static_cast<std::size_t>(fd)];
    if (c.done) return;
    if (!c.connected) {
      if (events & (EPOLLERR | EPOLLHUP)) return end(fd, refused_);
      c.connected = true;
      epoll_event e{};
      e.events = EPOLLIN;
      e.data.fd = fd;
      epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &e);
      if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) end(fd, broken_);
      return;
    }
    char block[4096];
    const ssize_t n = recv(fd, block, sizeof block, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return end(fd, broken_);
    c.in.append(block, static_cast<std::size_t>(n));
    if (c.in.size() >= 12 && !c.in.starts_with("HTTP/1.1 200")) return end(fd, broken_);
    if (!whole(c.in)) return;
    c.done = true;
    --left_;
    took_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start_).count());
  }

  int epoll_, left_;
  int refused_ = 0, broken_ = 0;
  Clock::time_point start_ = Clock::now();
  std::vector<Client> clients_;
  std::vector<double> took_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: crowd hold|burst PORT CLIENTS\n");
    return 2;
  }
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  const int port = std::atoi(argv[2]), clients = std::atoi(argv[3]);
  if (std::string(argv[1]) == "hold") return hold(port, clients);
  Burst burst(clients);
  burst.start(port, clients);
  burst.run();
}
