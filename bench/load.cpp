// An open-loop HTTP/1.1 load for the failover bench: requests leave on a fixed schedule whatever
// became of those before, so that a stall is counted for each request that fell into it. Every
// answer is checked: its X-Id, its length, each byte of its body.
//
//   load PORT RATE BIG_PERCENT OUT_FILE      runs until SIGTERM, then waits for what is in flight
//
// One line per request: ID KIND BIG SCHEDULED_US LATENCY_US STATUS OUTCOME. KIND is G(ET), P(UT),
// K(eyed POST) or U(nkeyed POST); times are CLOCK_MONOTONIC; OUTCOME is ok, status, closed,
// truncated, corrupt, connect or timeout.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::int64_t timeout_us = 20000000;
constexpr std::size_t small_bytes = 300, big_bytes = 1 << 20;
volatile sig_atomic_t g_stop = 0;

std::int64_t now_us() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

struct Request {
  std::uint64_t id = 0;
  char kind = 'G';
  bool big = false;
  std::int64_t scheduled = 0;
};

struct Connection {
  Request request;
  bool busy = false;
  std::string out, in;
  std::size_t out_at = 0;
  bool head_read = false, keep = true, length_known = false, corrupt = false;
  int status = 0;
  std::uint64_t length = 0, received = 0;
};

class Load {
 public:
  Load(int port, int rate, int big_percent, const char* file)
      : port_(port), gap_us_(1000000.0 / rate), big_percent_(big_percent), file_(fopen(file, "w")) {
    if (!file_) {
      perror(file);
      exit(1);
    }
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    big_body_.assign(big_bytes, 'b');
  }

  void run() {
    std::int64_t start = now_us(), stopped = 0;
    for (std::uint64_t sent = 0;;) {
      std::int64_t now = now_us();
      if (g_stop && !stopped) stopped = now;
      if (stopped && (in_flight_ == 0 || now > stopped + timeout_us)) break;
      std::int64_t due = start + static_cast<std::int64_t>(static_cast<double>(sent) * gap_us_);
      if (!stopped && due <= now) {
        begin(make_request(++sent, due));
        continue;
      }
      if (now > sweep_at_) sweep(now);
      timespec wait{0, std::min<std::int64_t>(stopped ? 5000 : due - now, 5000) * 1000};
      epoll_event events[64];
      int n = epoll_pwait2(epoll_, events, 64, &wait, nullptr);
      for (int i = 0; i < n; ++i) handle(events[i].data.fd, events[i].events);
    }
    fclose(file_);
  }

 private:
  // 60 % GET, 15 % PUT, 15 % keyed and 10 % unkeyed POST, spread evenly and always the same.
  Request make_request(std::uint64_t n, std::int64_t due) {
    std::uint64_t x = n * 0x9E3779B97F4A7C15ULL;
    unsigned pick = (x >> 33) % 100;
    char kind = pick < 60 ? 'G' : pick < 75 ? 'P' : pick < 90 ? 'K' : 'U';
    bool big = static_cast<int>((x >> 13) % 100) < big_percent_;
    return {n, kind, big, due};
  }

  void begin(const Request& request) {
    ++in_flight_;
    int fd = idle_.empty() ? connect_new() : idle_.back();
    if (!idle_.empty()) idle_.pop_back();
    if (fd < 0) return report(request, 0, "connect");
    Connection& c = connections_[fd];
    c = Connection{};
    c.request = request;
    c.busy = true;
    c.out = head_of(request);
    if (request.kind != 'G') c.out += request.big ? big_body_ : std::string(small_bytes, 's');
    flush(fd, c);
  }

  static std::string head_of(const Request& r) {
    std::size_t asked = r.kind == 'G' && r.big ? big_bytes : small_bytes;
    std::string id = std::to_string(r.id);
    std::string head = r.kind == 'G' ? "GET" : r.kind == 'P' ? "PUT" : "POST";
    head += " /r/" + id + "?size=" + std::to_string(asked) + " HTTP/1.1\r\nHost: bench.test\r\n";
    if (r.kind == 'K') head += "Idempotency-Key: \"" + id + "\"\r\n";
    if (r.kind != 'G') head += "Content-Length: " + std::to_string(r.big ? big_bytes : small_bytes) + "\r\n";
    return head + "\r\n";
  }

  int connect_new() {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port_));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
      close(fd);
      return -1;
    }
    epoll_event e{};
    e.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    e.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &e);
    return fd;
  }

  void report(const Request& r, int status, const char* outcome) {
    --in_flight_;
    fprintf(file_, "%ju %c %d %jd %jd %d %s\n", std::uintmax_t{r.id}, r.kind, r.big,
            std::intmax_t{r.scheduled}, std::intmax_t{now_us() - r.scheduled}, status, outcome);
  }

  void flush(int fd, Connection& c) {
    while (c.out_at < c.out.size()) {
      ssize_t n = send(fd, c.out.data() + c.out_at, c.out.size() - c.out_at, MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
      if (n < 0) return;  // an answer may still be there to read; if not, reading says so
      c.out_at += static_cast<std::size_t>(n);
    }
    epoll_event e{};
    e.events = EPOLLIN | EPOLLRDHUP | (c.out_at < c.out.size() ? EPOLLOUT : 0u);
    e.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &e);
  }

  void handle(int fd, std::uint32_t events) {
    auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    Connection& c = found->second;
    if (c.busy && (events & EPOLLOUT)) flush(fd, c);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))) return;
    static char block[262144];
    ssize_t n = recv(fd, block, sizeof block, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return ended(fd, c);
    if (!c.busy) return drop(fd);
    take(fd, c, std::string_view(block, static_cast<std::size_t>(n)));
  }

  void take(int fd, Connection& c, std::string_view bytes) {
    if (!c.head_read) {
      c.in.append(bytes);
      std::size_t end = c.in.find("\r\n\r\n");
      if (end == std::string::npos) return;
      std::string rest = c.in.substr(end + 4);
      c.in.resize(end + 2);
      read_head(c);
      check_body(c, rest);
    } else {
      check_body(c, bytes);
    }
    if (c.length_known && c.received >= c.length) finish(fd, c);
  }

  static void read_head(Connection& c) {
    c.head_read = true;
    c.status = atoi(c.in.c_str() + 9);
    bool id_seen = false;
    for (std::size_t at = c.in.find("\r\n") + 2; at < c.in.size(); at = c.in.find("\r\n", at) + 2) {
      const char* field = c.in.c_str() + at;
      if (strncasecmp(field, "content-length:", 15) == 0) {
        c.length = strtoull(field + 15, nullptr, 10);
        c.length_known = true;
      }
      if (strncasecmp(field, "connection: close", 17) == 0) c.keep = false;
      if (strncasecmp(field, "x-id:", 5) == 0) id_seen = strtoull(field + 5, nullptr, 10) == c.request.id;
    }
    if (c.status == 200 && !id_seen) c.corrupt = true;
  }

  static void check_body(Connection& c, std::string_view bytes) {
    for (char b : bytes) {
      auto expected = static_cast<char>('a' + (c.request.id + c.received++) % 26);
      if (c.status == 200 && b != expected) c.corrupt = true;
    }
  }

  void finish(int fd, Connection& c) {
    std::size_t asked = c.request.kind == 'G' && c.request.big ? big_bytes : small_bytes;
    bool whole = c.status != 200 || c.received == asked;
    report(c.request, c.status, c.status != 200 ? "status" : c.corrupt || !whole ? "corrupt" : "ok");
    bool reusable = c.keep && c.out_at == c.out.size();
    c.busy = false;
    if (reusable) idle_.push_back(fd);
    else drop(fd);
  }

  void ended(int fd, Connection& c) {
    if (c.busy && c.head_read && !c.length_known) return finish(fd, c);
    if (c.busy) report(c.request, c.status, c.head_read ? "truncated" : "closed");
    drop(fd);
  }

  void drop(int fd) {
    std::erase(idle_, fd);
    connections_.erase(fd);
    close(fd);
  }

  void sweep(std::int64_t now) {
    sweep_at_ = now + 100000;
    std::vector<int> late;
    for (auto& [fd, c] : connections_)
      if (c.busy && now - c.request.scheduled > timeout_us) late.push_back(fd);
    for (int fd : late) {
      report(connections_[fd].request, 0, "timeout");
      drop(fd);
    }
  }

  int port_;
  double gap_us_;
  int big_percent_;
  FILE* file_;
  int epoll_ = -1;
  std::uint64_t in_flight_ = 0;
  std::int64_t sweep_at_ = 0;
  std::string big_body_;
  std::vector<int> idle_;
  std::unordered_map<int, Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: load PORT RATE BIG_PERCENT OUT_FILE\n");
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { g_stop = 1; };
  sigaction(SIGTERM, &action, nullptr);
  Load(atoi(argv[1]), atoi(argv[2]), atoi(argv[3]), argv[4]).run();
}
