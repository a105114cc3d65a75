// Two accepted streams of the libuv loop that forward to each other as a relay does, and the blocking sockets at their
// far ends, for threads of the test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "tests/sim/io_contract_cases.h"
#include "tests/unit/proxy/io/uv_bench.h"

namespace holdfast::io::contract {

/// Bytes `at` to `at + size` of one endless text whose period no buffer's size divides.
inline std::string pattern(std::size_t at, std::size_t size) {
  static const std::string period = [] {
    std::mt19937 random(1);
    std::string text(1'000'003, '\0');
    for (char& c : text) c = static_cast<char>(random());
    return text;
  }();
  std::string text;
  text.reserve(size);
  while (text.size() < size) {
    const std::size_t from = (at + text.size()) % period.size();
    text.append(period, from, size - text.size());
  }
  return text;
}

/// Returns early if the peer is gone.
inline void send_pattern(int fd, std::size_t at, std::size_t size) {
  const std::string text = pattern(at, size);
  for (std::size_t sent = 0; sent < size;) {
    const ssize_t n = send(fd, text.data() + sent, size - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<std::size_t>(n);
  }
}

/// To the end. With a seed: in pieces of random size, with pauses of up to 2 ms.
inline std::string receive_all(int fd, unsigned seed) {
  std::mt19937 random(seed);
  std::string all, piece(1024 * 1024, '\0');
  for (;;) {
    if (seed != 0 && random() % 2 == 0) usleep(random() % 2000);
    const std::size_t most = seed != 0 ? 1 + random() % piece.size() : piece.size();
    const ssize_t n = recv(fd, piece.data(), most, 0);
    if (n <= 0) return all;
    all.append(piece, 0, static_cast<std::size_t>(n));
  }
}

/// With RST.
inline void abort_socket(int& fd) {
  linger abort{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close(std::exchange(fd, -1));
}

class ForwardPair final : ListenerEvents {
 public:
  static constexpr std::size_t high_water = 256 * 1024;

  struct Side final : StreamEvents {
    StreamPtr stream;
    Side* other = nullptr;
    std::size_t copied = 0, forwarded = 0, most = 0;  ///< bytes; the most forwarded at once
    bool ended = false, paused = false;
    std::optional<Fault> fault;
    std::function<void()> told;  ///< after bytes

    std::size_t total() const { return copied + forwarded; }
    void on_data(Bytes data) override {
      copied += data.size();
      moved(other->stream ? other->stream->write(data) : 0);
    }
    void on_forwarded(std::size_t size) override {
      forwarded += size;
      most = std::max(most, size);
      moved(other->stream->queued());
    }
    void moved(std::size_t queued) {
      paused = queued > high_water;
      if (paused) stream->stop_reading();
      if (told) told();
    }
    void on_drained() override {
      if (other->paused) other->stream->start_reading();
      other->paused = false;
    }
    void on_end() override {
      ended = true;
      if (other->stream) other->stream->finish();
    }
    void on_fault(Fault f, std::string_view) override { fault = f; }
  };

  explicit ForwardPair(UvBench& bench) {
    ListenOptions options;
    options.address = bench.address();
    ListenerPtr listener = std::move(*bench.loop().listen(options, *this));
    for (int* end : {&left_end, &right_end}) {
      *end = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in to{};
      to.sin_family = AF_INET;
      to.sin_port = htons(listener->local().port);
      to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      REQUIRE(connect(*end, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    }
    REQUIRE(bench.until([&] { return right.stream != nullptr; }));
    left.stream->forward_to(*right.stream);
    right.stream->forward_to(*left.stream);
    left.stream->start_reading();
    right.stream->start_reading();
  }
  ~ForwardPair() {
    for (int end : {left_end, right_end})
      if (end >= 0) ::close(end);
    close();
  }

  void close() {
    left.stream.reset();
    right.stream.reset();
  }
  bool idle() const { return left.stream->queued() == 0 && right.stream->queued() == 0; }

  /// Sends bulk from left to right until some of it is forwarded, and reads it there.
  void begin_forwarding(UvBench& bench) {
    for (int tries = 64; tries > 0 && left.forwarded == 0; --tries) {
      const std::size_t size = 2 * 1024 * 1024, expected = left.total() + size;
      std::thread origin([&] { send_pattern(left_end, 0, size); });
      std::thread reader([&] {
        std::string piece(size, '\0');
        recv(right_end, piece.data(), size, MSG_WAITALL);
      });
      REQUIRE(bench.until([&] { return left.total() == expected && idle(); }));
      origin.join();
      reader.join();
    }
    REQUIRE(left.forwarded > 0);
  }

  /// What the kernel takes at once.
  void send_some() {
    const std::string text = pattern(0, 2 * 1024 * 1024);
    CHECK(send(left_end, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0);
  }

  /// Sends the pattern from left until nothing more goes anywhere for 0.3 s (the kernel's timers are below that); its
  /// length.
  std::size_t flood(UvBench& bench) {
    const std::string text = pattern(0, 64 * 1024 * 1024);
    std::size_t sent = 0;
    for (int idle_passes = 0; idle_passes < 60;) {
      const ssize_t n = send(left_end, text.data() + sent, text.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
      idle_passes = n > 0 ? 0 : idle_passes + 1;
      if (n > 0) sent += static_cast<std::size_t>(n);
      bench.pass(Duration::millis(5));
    }
    return sent;
  }

  int left_end = -1, right_end = -1;
  Side left, right;

 private:
  void on_accept(StreamPtr stream) override {
    Side& side = left.stream ? right : left;
    side.other = left.stream ? &left : &right;
    side.stream = std::move(stream);
    side.stream->set_events(side);
  }
};

}  // namespace holdfast::io::contract
