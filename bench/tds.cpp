// Both ends of bench/proxy's SQL rows: a server that answers every login and gives canned answers, and
// clients that ask one question after the other. Neither is SQL; what is measured stands between them.
//
//   tds serve PORT TLS_PORT CERTIFICATE               SELECT x FROM b... gets 1 MiB, any other batch one row;
//                                                     at TLS_PORT as TDS 8.0 has it: TLS first
//   tds steps PORT small|big                          for bench/icount: counts on standard input
//   tds hold PORT                                     for bench/common_memory.py: a count on standard input, so many
//                                                     more sessions log in, ask once and stay; 0: each asks again
//   tds load PORT CONNECTIONS SECONDS small|big [tls] prints "REQUESTS P50_US P99_US"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <unordered_map>
#include <vector>

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/packet.h"
#include "tds/prelogin.h"
#include "tds/rpc.h"
#include "tds/token.h"

namespace {

using namespace holdfast;
using namespace holdfast::tds;

constexpr std::size_t packet_size = 4096;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::int64_t now_us() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000LL + t.tv_nsec / 1000;
}

/// One column VARBINARY(8000), and as many rows of `size` bytes.
std::string rows_answer(std::size_t rows, std::size_t size) {
  std::string out;
  LittleWriter w(out);
  w.u8(0x81).u16(1).u32(0).u16(0).u8(0xA5).u16(8000).b_varchar(to_utf16("x"));
  for (std::size_t i = 0; i < rows; ++i) w.u8(0xD1).u16(static_cast<std::uint16_t>(size)).bytes(std::string(size, 'x'));
  append_done(out, tds_version::v7_4, {Token::Done, done_status::count, 0xC1, rows});
  std::string message;
  append_message(message, PacketType::Response, out, packet_size);
  return message;
}

std::string login_answer() {
  std::string out;
  append_env_change(out, EnvKind::Database, to_utf16("bench"), to_utf16("master"));
  append_env_change(out, EnvKind::PacketSize, to_utf16("4096"), to_utf16("4096"));
  append_login_ack(out, {1, tds_version::v7_4, to_utf16("bench"), 0x10000000});
  append_done(out, tds_version::v7_4, {});
  std::string message;
  append_message(message, PacketType::Response, out, packet_size);
  return message;
}

std::string prelogin_answer() {
  Prelogin p;
  p.version = 0x10000000;
  p.encryption = Encryption::NotSupported;
  std::string payload, message;
  append_prelogin(payload, p);
  append_message(message, PacketType::Response, payload, packet_size);
  return message;
}

constexpr unsigned char alpn[] = "\x07tds/8.0";

SSL_CTX* server_tls(const char* certificate) {
  SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_chain_file(tls, certificate) != 1 ||
      SSL_CTX_use_PrivateKey_file(tls, certificate, SSL_FILETYPE_PEM) != 1)
    give_up("tds serve: certificate");
  SSL_CTX_set_alpn_select_cb(tls, [](SSL*, const unsigned char** out, unsigned char* size, const unsigned char*,
                                     unsigned, void*) {
    *out = alpn + 1;
    *size = alpn[0];
    return SSL_TLSEXT_ERR_OK;
  }, nullptr);
  return tls;
}

struct Peer {
  SSL* ssl = nullptr;
  MessageReader in{1 << 21};
  std::string out;
  std::size_t at = 0;
  std::int64_t asked = 0;

  // As recv() and send(): EAGAIN for what must wait.
  ssize_t take(int fd, char* block, std::size_t size) {
    return ssl ? result(SSL_read(ssl, block, static_cast<int>(size))) : recv(fd, block, size, 0);
  }
  ssize_t give(int fd, const char* data, std::size_t size) {
    return ssl ? result(SSL_write(ssl, data, static_cast<int>(size))) : send(fd, data, size, MSG_NOSIGNAL);
  }
  bool more() const { return ssl && SSL_pending(ssl) > 0; }

 private:
  ssize_t result(int n) {
    if (n > 0) return n;
    const int error = SSL_get_error(ssl, n);
    if (error == SSL_ERROR_ZERO_RETURN) return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
    return -1;
  }
};

class Loop {
 public:
  Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  void watch(int fd, std::uint32_t events, int op) {
    epoll_event e{};
    e.events = events;
    e.data.fd = fd;
    epoll_ctl(epoll_, op, fd, &e);
  }
  template <class F>
  void turn(int wait_ms, F on_event) {
    epoll_event events[64];
    const int n = epoll_wait(epoll_, events, 64, wait_ms);
    for (int i = 0; i < n; ++i) on_event(events[i].data.fd, events[i].events);
  }
  /// False: the peer has gone.
  bool flush(int fd, Peer& peer) {
    while (peer.at < peer.out.size()) {
      const ssize_t n = peer.give(fd, peer.out.data() + peer.at, peer.out.size() - peer.at);
      if (n < 0 && errno == EAGAIN) {
        watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
        return true;
      }
      if (n < 0) return false;
      peer.at += static_cast<std::size_t>(n);
    }
    if (peer.at > 0) watch(fd, EPOLLIN, EPOLL_CTL_MOD);
    peer.out.clear();
    peer.at = 0;
    return true;
  }

 private:
  int epoll_;
};

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

int listen_on(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const sockaddr_in address = loopback(port);
  if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(listener, 1024) != 0)
    give_up("tds serve");
  return listener;
}

void serve(int port, int tls_port, const char* certificate) {
  const std::string prelogin = prelogin_answer(), login = login_answer(), small = rows_answer(1, 100),
                    big = rows_answer(131, 8000);
  const int listener = listen_on(port), tls_listener = listen_on(tls_port);
  SSL_CTX* tls = server_tls(certificate);
  const int one = 1;
  Loop loop;
  std::unordered_map<int, Peer> peers;
  loop.watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  loop.watch(tls_listener, EPOLLIN, EPOLL_CTL_ADD);
  const auto drop = [&](int fd) {
    if (SSL* ssl = peers.at(fd).ssl) SSL_free(ssl);
    close(fd);
    peers.erase(fd);
  };
  const auto answer = [&](Peer& peer) {
    switch (peer.in.type()) {
      case PacketType::Prelogin: peer.out += prelogin; break;
      case PacketType::Login7: peer.out += login; break;
      // The text stands behind ALL_HEADERS, which are 22 bytes here; its 15th character names the table.
      case PacketType::Batch:
        peer.out += peer.in.payload().size() > 50 && peer.in.payload()[50] == 'b' ? big : small;
        break;
      default: return false;
    }
    return true;
  };
  static char block[65536];
  for (;;) loop.turn(-1, [&](int fd, std::uint32_t events) {
    if (fd == listener || fd == tls_listener) {
      const int client = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      Peer& peer = peers[client];
      if (fd == tls_listener) {
        peer.ssl = SSL_new(tls);
        SSL_set_fd(peer.ssl, client);
        SSL_set_accept_state(peer.ssl);
      }
      return loop.watch(client, EPOLLIN, EPOLL_CTL_ADD);
    }
    Peer& peer = peers.at(fd);
    if ((events & EPOLLOUT) && !loop.flush(fd, peer)) return drop(fd);
    if (!(events & ~EPOLLOUT)) return;
    do {
      const ssize_t n = peer.take(fd, block, sizeof block);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) return drop(fd);
      Bytes in(block, static_cast<std::size_t>(n));
      for (auto whole = peer.in.next(in); whole && *whole; whole = peer.in.next(in))
        if (!answer(peer)) return drop(fd);
    } while (peer.more());
    if (!loop.flush(fd, peer)) drop(fd);
  });
}

void start_tls(int fd, Peer& peer) {
  static SSL_CTX* tls = SSL_CTX_new(TLS_client_method());
  peer.ssl = SSL_new(tls);
  SSL_set_alpn_protos(peer.ssl, alpn, sizeof alpn - 1);
  SSL_set_fd(peer.ssl, fd);
  if (SSL_connect(peer.ssl) != 1) give_up("tds load: TLS");
}

int log_in(int port, Peer& peer, bool tls) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) give_up("tds load: connect");
  Prelogin p;
  p.version = 0x10000000;
  p.encryption = Encryption::NotSupported;
  std::string payload, hello, message;
  append_prelogin(payload, p);
  append_message(hello, PacketType::Prelogin, payload, packet_size);
  Login7 login;
  login.version = tds_version::v7_4;
  login.packet_size = packet_size;
  login.user = login.host = login.application = to_utf16("bench");
  login.password = Secret(to_utf16("bench"));
  login.client_id.assign(6, '\0');
  append_message(message, PacketType::Login7, build_login7(login).reveal(), packet_size);
  if (tls) start_tls(fd, peer);
  for (const std::string& words : {hello, message}) {
    if (peer.give(fd, words.data(), words.size()) < 0) give_up("tds load: send");
    MessageReader in(65536);
    for (bool whole = false; !whole;) {
      char block[4096];
      const ssize_t n = peer.take(fd, block, sizeof block);
      if (n <= 0) give_up("tds load: login");
      Bytes bytes(block, static_cast<std::size_t>(n));
      const auto next = in.next(bytes);
      if (!next) give_up("tds load: answer");
      whole = *next;
    }
  }
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

/// One question and its answer on a blocking socket.
void ask_once(int fd, Peer& peer, const std::string& request) {
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) give_up("tds: send");
  for (bool whole = false; !whole;) {
    static char block[262144];
    const ssize_t n = recv(fd, block, sizeof block, 0);
    if (n <= 0) give_up("tds: closed");
    Bytes in(block, static_cast<std::size_t>(n));
    const auto next = peer.in.next(in);
    if (!next) give_up("tds: answer");
    whole = *next;
  }
}

std::string question(bool big) {
  std::string request;
  append_message(request, PacketType::Batch,
                 build_batch(tds_version::v7_4, big ? "SELECT x FROM big" : "SELECT x FROM t WHERE id = 1"),
                 packet_size);
  return request;
}

void load(int port, int connections, int seconds, bool big, bool tls) {
  const std::string request = question(big);
  Loop loop;
  std::unordered_map<int, Peer> peers;
  std::vector<std::int64_t> took;
  const auto ask = [&](int fd, Peer& peer) {
    peer.out = request;
    peer.asked = now_us();
    if (!loop.flush(fd, peer)) give_up("tds load: send");
  };
  for (int i = 0; i < connections; ++i) {
    Peer peer;
    const int fd = log_in(port, peer, tls);
    peers.try_emplace(fd, std::move(peer));
    loop.watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
  for (auto& [fd, peer] : peers) ask(fd, peer);
  static char block[262144];
  const std::int64_t end = now_us() + seconds * 1'000'000LL;
  while (now_us() < end) loop.turn(10, [&](int fd, std::uint32_t events) {
    Peer& peer = peers.at(fd);
    if ((events & EPOLLOUT) && !loop.flush(fd, peer)) give_up("tds load: send");
    bool whole = false;
    do {
      const ssize_t n = peer.take(fd, block, sizeof block);
      if (n < 0 && errno == EAGAIN) return;
      if (n <= 0) give_up("tds load: closed");
      Bytes in(block, static_cast<std::size_t>(n));
      const auto next = peer.in.next(in);
      if (!next || peer.in.type() != PacketType::Response) give_up("tds load: not an answer");
      whole = *next;
    } while (!whole && peer.more());
    if (!whole) return;
    if (peer.in.payload().size() < (big ? 1'048'000u : 100u)) give_up("tds load: a short answer");
    took.push_back(now_us() - peer.asked);
    ask(fd, peer);
  });
  std::sort(took.begin(), took.end());
  if (took.empty()) give_up("tds load: no answer");
  std::printf("%zu %jd %jd\n", took.size(), std::intmax_t{took[took.size() / 2]},
              std::intmax_t{took[took.size() * 99 / 100]});
}

/// Reads how many questions to ask from standard input, line by line, and says "done" after them.
void steps(int port, bool big) {
  const std::string request = question(big);
  Peer peer;
  const int fd = log_in(port, peer, false);
  fcntl(fd, F_SETFL, 0);
  for (int times = 0; std::scanf("%d", &times) == 1;) {
    while (times-- > 0) ask_once(fd, peer, request);
    std::puts("done");
    std::fflush(stdout);
  }
}

/// The same for sessions that stay: a count of more of them, or 0 for a question to each.
void hold(int port) {
  const std::string request = question(false);
  std::vector<std::pair<int, Peer>> all;
  for (int more = 0; std::scanf("%d", &more) == 1;) {
    const std::size_t from = more == 0 ? 0 : all.size();
    for (; more > 0; --more) {
      Peer peer;
      const int fd = log_in(port, peer, false);
      fcntl(fd, F_SETFL, 0);
      all.emplace_back(fd, std::move(peer));
    }
    for (std::size_t i = from; i < all.size(); ++i) ask_once(all[i].first, all[i].second, request);
    std::puts("done");
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  if (argc == 5 && std::string(argv[1]) == "serve") serve(std::atoi(argv[2]), std::atoi(argv[3]), argv[4]);
  if (argc == 4 && std::string(argv[1]) == "steps") {
    steps(std::atoi(argv[2]), std::string(argv[3]) == "big");
    return 0;
  }
  if (argc == 3 && std::string(argv[1]) == "hold") {
    hold(std::atoi(argv[2]));
    return 0;
  }
  if (argc < 6 || std::string(argv[1]) != "load") {
    std::fprintf(stderr, "usage: tds serve PORT TLS_PORT CERTIFICATE\n"
                         "       tds steps PORT small|big\n"
                         "       tds hold PORT\n"
                         "       tds load PORT CONNECTIONS SECONDS small|big [tls]\n");
    return 2;
  }
  load(std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]), std::string(argv[5]) == "big", argc > 6);
}
