#include "tests/portal/caller.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/portal/http.h"

namespace portal {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int patience_s = 5;
constexpr unsigned workers_max = 1500;

std::atomic<bool> stop{false};
void on_signal(int) { stop = true; }

/// What was seen since the last line; a copy of the whole for the end.
struct Tally {
  unsigned long requests = 0, ok = 0, failed = 0, replays = 0, reconnects = 0;
  double slowest = 0;
  std::vector<float> latencies;
  std::map<std::string, unsigned long> failures;

  void add(double ms, const std::string& failure, bool replayed) {
    ++requests;
    failure.empty() ? ++ok : ++failed;
    if (!failure.empty()) ++failures[failure];
    if (replayed) ++replays;
    slowest = std::max(slowest, ms);
    latencies.push_back(static_cast<float>(ms));
  }
  void print(double seconds, unsigned long in_flight, bool total) {
    std::sort(latencies.begin(), latencies.end());
    const double median = latencies.empty() ? 0 : static_cast<double>(latencies[latencies.size() / 2]);
    std::string list;
    for (const auto& [name, n] : failures)
      list += (list.empty() ? "" : ",") + json(name) + ":" + std::to_string(n);
    std::printf(
        "{\"seconds\":%.1f,\"requests\":%lu,\"ok\":%lu,\"failed\":%lu,\"slowest_ms\":%.1f,"
        "\"median_ms\":%.2f,\"replays\":%lu,\"reconnects\":%lu,\"in_flight\":%lu,\"failures\":{%s}%s}\n",
        seconds, requests, ok, failed, slowest, median, replays, reconnects, in_flight, list.c_str(),
        total ? ",\"total\":true" : "");
    std::fflush(stdout);
  }
};

struct Job {
  unsigned long number = 0;
  Clock::time_point due;
};

struct Answer {
  int status = 0;   ///< 0: none
  bool replayed = false;
  bool any = false; ///< at least one byte came
};

/// A client with one connection, on a blocking socket.
class Client {
 public:
  Client(const sockaddr_in& address, const std::string& host) : address_(address), host_(host) {}
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answer run(const std::string& method, const std::string& path, const std::string& extra,
             const std::string& body, bool& reconnected) {
    const std::string text =
        method + ' ' + path + " HTTP/1.1\r\nHost: " + host_ + "\r\n" + extra +
        (method == "GET" ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
    const bool reused = fd_ >= 0;
    Answer answer = attempt(text);
    if (answer.status == 0 && !answer.any && reused && !timed_out_) {
      reconnected = true;
      answer = attempt(text);
    }
    return answer;
  }

 private:
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool connect() {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{patience_s, 0};
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0;
  }
  Answer attempt(const std::string& text) {
    Answer answer;
    timed_out_ = false;
    const bool sent = (fd_ >= 0 || connect()) && Wire(fd_).write(text);
    if (!sent || !receive(answer)) {
      close();
      answer.status = 0;
    }
    return answer;
  }
  /// Reads one response with a Content-Length, which is all that the portal and Holdfast send here.
  bool receive(Answer& answer) {
    std::string in;
    char bytes[16384];
    std::size_t end = in.npos, length = 0;
    while (end == in.npos || in.size() < end + 4 + length) {
      const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
      timed_out_ = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      if (n <= 0) return false;
      answer.any = true;
      in.append(bytes, static_cast<std::size_t>(n));
      if (end != in.npos || (end = in.find("\r\n\r\n")) == in.npos) continue;
      length = std::strtoul(field(in, end, "content-length:").c_str(), nullptr, 10);
    }
    answer.status = std::atoi(in.c_str() + 9);
    answer.replayed = std::atoi(field(in, end, "x-attempt:").c_str()) > 1;
    if (field(in, end, "connection:").find("close") != std::string::npos) close();
    return true;
  }
  static std::string field(const std::string& in, std::size_t end, const std::string& name) {
    std::string head = in.substr(0, end);
    std::transform(head.begin(), head.end(), head.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const std::size_t at = head.find("\r\n" + name);
    if (at == head.npos) return {};
    const std::size_t begin = head.find_first_not_of(' ', at + 2 + name.size());
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }

  const sockaddr_in address_;
  const std::string host_;
  int fd_ = -1;
  bool timed_out_ = false;
};

/// Hands requests to idle workers, and starts another when none is idle.
class Crowd {
 public:
  Crowd(const sockaddr_in& address, std::string host, int acknowledged)
      : address_(address), host_(std::move(host)), acknowledged_(acknowledged) {}

  void give(Job job) {
    std::lock_guard lock(mutex_);
    jobs_.push_back(job);
    if (jobs_.size() > idle_ && workers_ < workers_max) {
      ++workers_;
      std::thread([this] { work(); }).detach();
    }
    wake_.notify_one();
  }
  void report(double seconds) {
    std::lock_guard lock(mutex_);
    now_.print(seconds, jobs_.size() + busy_, false);
    now_ = {};
  }
  void finish(double seconds) {
    for (int i = 0; i < (patience_s + 1) * 100 && pending() > 0; ++i)
      std::this_thread::sleep_for(milliseconds(10));
    std::lock_guard lock(mutex_);
    whole_.print(seconds, jobs_.size() + busy_, true);
  }

 private:
  std::size_t pending() {
    std::lock_guard lock(mutex_);
    return jobs_.size() + busy_;
  }
  void work() {
    Client client(address_, host_);
    std::unique_lock lock(mutex_);
    for (;;) {
      ++idle_;
      wake_.wait(lock, [this] { return !jobs_.empty(); });
      --idle_;
      ++busy_;
      const Job job = jobs_.front();
      jobs_.pop_front();
      lock.unlock();
      perform(client, job);
      lock.lock();
      --busy_;
    }
  }
  void perform(Client& client, const Job& job) {
    static const std::string run = std::to_string(::getpid());
    const std::string id = run + "-" + std::to_string(job.number);
    const char* methods[] = {"GET", "GET", "POST", "GET", "GET", "PUT", "GET", "POST", "GET", "GET"};
    const std::string method = methods[job.number % 10];
    std::string path = "/api/ivr/lookup?caller=" + id, extra = "X-Call-Id: " + id + "\r\n", body;
    if (method == "PUT") path = "/api/ivr/record/" + id, body = std::string(2000, 'r');
    if (method == "POST")
      path = "/api/ivr/event", extra += "Idempotency-Key: k-" + id + "\r\n", body = "{\"event\":1}";
    bool reconnected = false;
    const Answer answer = client.run(method, path, extra, body, reconnected);
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - job.due).count();
    std::string failure;
    if (answer.status == 0 || answer.status >= 400)
      failure = method + (answer.status ? " " + std::to_string(answer.status)
                          : answer.any  ? " cut"
                                        : " no answer");
    const std::string line = id + "\n";
    if (acknowledged_ >= 0 && method != "GET" && failure.empty() &&
        ::write(acknowledged_, line.data(), line.size()) < 0)
      std::perror("portal: --acknowledged");
    std::lock_guard lock(mutex_);
    for (Tally* tally : {&now_, &whole_}) {
      tally->add(ms, failure, answer.replayed);
      if (reconnected) ++tally->reconnects;
    }
  }

  const sockaddr_in address_;
  const std::string host_;
  const int acknowledged_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::size_t idle_ = 0, busy_ = 0, workers_ = 0;
  Tally now_, whole_;
};

}  // namespace

int call(const CallOptions& options) {
  const std::string host =
      options.url.starts_with("http://") ? options.url.substr(7, options.url.find('/', 7) - 7) : "";
  const std::size_t colon = host.find(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (colon == host.npos || ::inet_pton(AF_INET, host.substr(0, colon).c_str(), &address.sin_addr) != 1 ||
      options.rate <= 0) {
    std::fprintf(stderr, "portal: --call wants http://IPV4:PORT and a rate above 0\n");
    return 2;
  }
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(host.c_str() + colon + 1)));
  signal(SIGTERM, on_signal);
  signal(SIGINT, on_signal);

  const int acknowledged =
      options.acknowledged.empty()
          ? -1
          : ::open(options.acknowledged.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  Crowd& crowd = *new Crowd(address, host, acknowledged);  // its threads outlive this function
  const auto begin = Clock::now();
  const auto step = std::chrono::nanoseconds(1'000'000'000 / options.rate);
  auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - begin).count(); };
  auto line = begin + std::chrono::seconds(1);
  for (unsigned long n = 0; !stop && (options.seconds == 0 || elapsed() < options.seconds); ++n) {
    const auto due = begin + n * step;
    std::this_thread::sleep_until(due);
    crowd.give({n, due});
    if (Clock::now() < line) continue;
    crowd.report(elapsed());
    line += std::chrono::seconds(1);
  }
  crowd.finish(elapsed());
  ::_exit(0);
}

}  // namespace portal
