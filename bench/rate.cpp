// An open-loop HTTP/1.1 load of small requests: each is due at its own time, whatever became of those before,
// and its latency counts from then (no coordinated omission). Connections stay open and take turns; while all
// of them wait for an answer, what is due queues here, and the queue is part of its latency.
//
//   rate PORT PATH RATE SECONDS CONNECTIONS
//
// Says "ready" once all connections have had an answer, begins at a line on standard input, and prints
// "REQUESTS P50 P99 P999 MAX LATE99": microseconds; LATE99 is how late the generator itself was at 99 % of
// the requests that had a connection to go to. Exit 1: an answer that is not 200, or a closed connection.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace {

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "rate: %s (%s)\n", what, std::strerror(errno));
  std::exit(1);
}

std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

struct Connection {
  int fd = -1;
  std::int64_t due = 0;
  std::string in;
};

class Rate {
 public:
  Rate(int port, const std::string& path, int connections)
      : request_("GET " + path + " HTTP/1.1\r\nHost: bench.test\r\n\r\n"),
        epoll_(epoll_create1(EPOLL_CLOEXEC)),
        connections_(static_cast<std::size_t>(connections)) {
    for (Connection& c : connections_) open(c, port);
    took_.reserve(1 << 20);
  }

  /// Each connection asks once, in turn.
  void warm() {
    for (std::size_t i = 0; i < connections_.size(); ++i) {
      ask(now_ns());
      while (busy_ > 0) turn(1'000'000);
    }
    took_.clear();
  }

  void run(int rate, int seconds) {
    const double gap = 1e9 / rate;
    const std::int64_t start = now_ns(), planned = std::int64_t{rate} * seconds;
    for (std::int64_t sent = 0; sent < planned || busy_ > 0;) {
      const std::int64_t due = start + static_cast<std::int64_t>(static_cast<double>(sent) * gap);
      const std::int64_t now = now_ns();
      if (now > start + (seconds + 10) * 1'000'000'000LL) give_up("answers are missing");
      if (sent < planned && due <= now && !free_.empty()) {
        ++sent;
        if (!queued_) late_.push_back(now - due);
        queued_ = false;
        ask(due);
        continue;
      }
      queued_ = sent < planned && due <= now;
      turn(sent < planned && !queued_ ? due - now : 1'000'000);
    }
  }

  void print() {
    if (took_.empty()) give_up("nothing was asked");
    std::sort(took_.begin(), took_.end());
    std::sort(late_.begin(), late_.end());
    const auto us = [](const std::vector<std::int64_t>& all, double share) {
      const auto at = static_cast<std::size_t>(share * static_cast<double>(all.size()));
      return all.empty() ? 0.0 : static_cast<double>(all[std::min(at, all.size() - 1)]) / 1000;
    };
    std::printf("%zu %.1f %.1f %.1f %.1f %.1f\n", took_.size(), us(took_, 0.5), us(took_, 0.99),
                us(took_, 0.999), us(took_, 1), us(late_, 0.99));
  }

 private:
  void open(Connection& c, int port) {
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const int one = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      give_up("cannot connect");
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = &c;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &e);
    free_.push_back(&c);
  }

  // By the connection that has been free longest.
  void ask(std::int64_t due) {
    Connection& c = *free_.front();
    free_.pop_front();
    c.due = due;
    ++busy_;
    if (send(c.fd, request_.data(), request_.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request_.size()))
      give_up("cannot send");
  }

  void turn(std::int64_t wait_ns) {
    const timespec wait{0, std::min<std::int64_t>(wait_ns, 999'999'999)};
    epoll_event events[64];
    const int n = epoll_pwait2(epoll_, events, 64, &wait, nullptr);
    for (int i = 0; i < n; ++i) take(*static_cast<Connection*>(events[i].data.ptr));
  }

  void take(Connection& c) {
    static char block[65536];
    const ssize_t n = recv(c.fd, block, sizeof block, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) give_up("the connection was closed");
    c.in.append(block, static_cast<std::size_t>(n));
    const std::size_t head = c.in.find("\r\n\r\n");
    if (head == std::string::npos) return;
    if (!c.in.starts_with("HTTP/1.1 200")) give_up("not a 200");
    if (c.in.size() < head + 4 + length_of(c.in)) return;
    c.in.clear();
    took_.push_back(now_ns() - c.due);
    --busy_;
    free_.push_back(&c);
  }

  static std::size_t length_of(const std::string& head) {
    for (const char* name : {"\r\nContent-Length: ", "\r\ncontent-length: "})
      if (const std::size_t at = head.find(name); at != std::string::npos)
        return std::strtoull(head.c_str() + at + 18, nullptr, 10);
    give_up("an answer without Content-Length");
  }

  std::string request_;
  int epoll_;
  std::vector<Connection> connections_;
  std::deque<Connection*> free_;
  std::size_t busy_ = 0;
  bool queued_ = false;
  std::vector<std::int64_t> took_, late_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: rate PORT PATH RATE SECONDS CONNECTIONS\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  Rate rate(std::atoi(argv[1]), argv[2], std::atoi(argv[5]));
  rate.warm();
  std::puts("ready");
  std::fflush(stdout);
  if (std::getchar() == EOF) return 1;
  rate.run(std::atoi(argv[3]), std::atoi(argv[4]));
  rate.print();
}
