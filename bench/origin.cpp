// An HTTP/1.1 origin for the failover bench: one thread, epoll, a journal. It notes each request
// when its head is read ("r ID") and when it is executed ("x ID", the whole body read), by write(2)
// before the answer is sent, so that a kill -9 loses no note. It trusts its input: the bench's own
// load, through a proxy. Never use it as anything else.
//
//   origin PORT JOURNAL [THINK_MS]
//
// GET /health           200; 503 once SIGTERM came
// any /r/ID?size=BYTES  executed at once, answered THINK_MS later with X-Id and a body made from ID
//
// SIGTERM is an application server's stop: for 100 ms new requests get 503 unexecuted, then the
// listener and idle connections close, requests in flight are answered, and the process exits 0.
#include <arpa/inet.h>
#include <fcntl.h>
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
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

volatile sig_atomic_t g_stop = 0;

std::int64_t now_us() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

struct Connection {
  std::uint64_t serial = 0;
  std::string in, out;
  std::size_t out_at = 0;
  std::uint64_t body_left = 0;
  std::string id;             // of the request being read; empty for /health
  std::uint64_t size = 0;     // of the response body
  bool in_body = false;
  bool busy = false;          // a request is being read or answered
  bool close_after = false;
};

struct Pending {
  std::int64_t due;
  int fd;
  std::uint64_t serial;
  std::string response;
};

class Origin {
 public:
  Origin(int port, const char* journal, int think_ms) : think_us_(think_ms * 1000LL) {
    journal_ = open(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    int one = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    if (journal_ < 0 || bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_, 1024) != 0) {
      perror("origin");
      exit(1);
    }
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  void run() {
    for (;;) {
      answer_due();
      if (g_stop && stop_at_ == 0) stop_at_ = now_us() + 100000;
      if (stop_at_ && now_us() >= stop_at_ && close_down()) return;
      epoll_event events[64];
      int n = epoll_wait(epoll_, events, 64, pending_.empty() && !stop_at_ ? 20 : 1);
      for (int i = 0; i < n; ++i) {
        int fd = events[i].data.fd;
        if (fd == listener_) accept_all();
        else handle(fd, events[i].events);
      }
    }
  }

 private:
  void watch(int fd, std::uint32_t events, int op) {
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    epoll_ctl(epoll_, op, fd, &e);
  }

  void note(char what, const std::string& id) {
    std::string line = std::string(1, what) + ' ' + id + '\n';
    if (write(journal_, line.data(), line.size()) < 0) perror("origin: journal");
  }

  void accept_all() {
    for (;;) {
      int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      connections_[fd].serial = ++serial_;
      watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    }
  }

  void drop(int fd) {
    connections_.erase(fd);
    close(fd);
  }

  void handle(int fd, std::uint32_t events) {
    auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    if (events & EPOLLOUT) flush(fd, found->second);
    if (!connections_.contains(fd) || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    char block[262144];
    ssize_t n = recv(fd, block, sizeof block, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return drop(fd);
    found->second.in.append(block, static_cast<std::size_t>(n));
    consume(fd, found->second);
  }

  void consume(int fd, Connection& c) {
    for (;;) {
      if (c.in_body) {
        std::uint64_t n = std::min<std::uint64_t>(c.body_left, c.in.size());
        c.in.erase(0, n);
        c.body_left -= n;
        if (c.body_left) return;
        c.in_body = false;
        execute(fd, c);
        if (!connections_.contains(fd)) return;
      }
      if (c.busy) return;
      std::size_t end = c.in.find("\r\n\r\n");
      if (end == std::string::npos) return;
      read_head(c, std::string_view(c.in).substr(0, end + 2));
      c.in.erase(0, end + 4);
      c.busy = c.in_body = true;
    }
  }

  void read_head(Connection& c, std::string_view head) {
    std::string_view line = head.substr(0, head.find("\r\n"));
    std::size_t id = line.find(" /r/"), size = line.find("size=");
    c.id = id == line.npos ? "" : std::string(line.substr(id + 4, line.find_first_of("? ", id + 4) - id - 4));
    c.size = size == line.npos ? 0 : strtoull(line.data() + size + 5, nullptr, 10);
    c.body_left = 0;
    c.close_after = false;
    for (std::size_t at = head.find("\r\n") + 2; at < head.size(); at = head.find("\r\n", at) + 2) {
      const char* field = head.data() + at;
      if (strncasecmp(field, "content-length:", 15) == 0) c.body_left = strtoull(field + 15, nullptr, 10);
      if (strncasecmp(field, "connection: close", 17) == 0) c.close_after = true;
    }
    if (!c.id.empty()) note('r', c.id);
  }

  void execute(int fd, Connection& c) {
    bool refuse = stop_at_ != 0;
    bool health = c.id.empty();
    if (!health && !refuse) note('x', c.id);
    if (refuse) c.close_after = true;
    std::string body = refuse || health ? std::string() : make_body(c.id, c.size);
    std::string response = refuse ? "HTTP/1.1 503 Service Unavailable\r\n" : "HTTP/1.1 200 OK\r\n";
    response += "Content-Length: " + std::to_string(body.size()) + "\r\nX-Id: " + c.id + "\r\n";
    response += c.close_after ? "Connection: close\r\n\r\n" : "\r\n";
    response += body;
    if (refuse || health) return send_now(fd, c, std::move(response));
    pending_.push_back({now_us() + think_us_, fd, c.serial, std::move(response)});
  }

  static std::string make_body(const std::string& id, std::uint64_t size) {
    std::string body(size, 'a');
    std::uint64_t from = strtoull(id.c_str(), nullptr, 10);
    for (std::uint64_t i = 0; i < size; ++i) body[i] = static_cast<char>('a' + (from + i) % 26);
    return body;
  }

  void answer_due() {
    std::int64_t now = now_us();
    while (!pending_.empty() && pending_.front().due <= now) {
      Pending p = std::move(pending_.front());
      pending_.pop_front();
      auto found = connections_.find(p.fd);
      if (found == connections_.end() || found->second.serial != p.serial) continue;
      send_now(p.fd, found->second, std::move(p.response));
    }
  }

  void send_now(int fd, Connection& c, std::string response) {
    c.out = std::move(response);
    c.out_at = 0;
    flush(fd, c);
  }

  void flush(int fd, Connection& c) {
    while (c.out_at < c.out.size()) {
      ssize_t n = send(fd, c.out.data() + c.out_at, c.out.size() - c.out_at, MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) return watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
      if (n <= 0) return drop(fd);
      c.out_at += static_cast<std::size_t>(n);
    }
    if (c.out.empty()) return;
    c.out.clear();
    if (c.close_after) return drop(fd);
    c.busy = false;
    watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    if (!c.in.empty()) consume(fd, c);
  }

  // True when nothing is left to answer.
  bool close_down() {
    if (listener_ >= 0) {
      close(listener_);
      listener_ = -1;
    }
    for (auto i = connections_.begin(); i != connections_.end();) {
      int fd = i->first;
      bool idle = !i->second.busy || i->second.in_body;
      ++i;
      if (idle) drop(fd);
    }
    return connections_.empty() || now_us() > stop_at_ + 1000000;
  }

  std::int64_t think_us_, stop_at_ = 0;
  int journal_ = -1, listener_ = -1, epoll_ = -1;
  std::uint64_t serial_ = 0;
  std::unordered_map<int, Connection> connections_;
  std::deque<Pending> pending_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: origin PORT JOURNAL [THINK_MS]\n");
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { g_stop = 1; };
  sigaction(SIGTERM, &action, nullptr);
  Origin(atoi(argv[1]), argv[2], argc > 3 ? atoi(argv[3]) : 5).run();
}
