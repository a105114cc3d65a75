#include "proxy/access_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

using namespace holdfast;

namespace {

/// A folder of its own for one test.
class Folder {
 public:
  Folder() {
    char name[] = "/tmp/holdfast-access-XXXXXX";
    REQUIRE(mkdtemp(name));
    path_ = name;
  }
  ~Folder() {
    for (const std::string& f : files_) ::unlink(f.c_str());
    ::rmdir(path_.c_str());
  }
  std::string file(const std::string& name) {
    files_.push_back(path_ + "/" + name);
    return files_.back();
  }

 private:
  std::string path_;
  std::vector<std::string> files_;
};

AccessRecord numbered(unsigned loop, int i, std::string& id) {
  id = std::to_string(loop) + ":" + std::to_string(i) + ";";
  AccessRecord r;
  r.client = *Address::parse("192.0.2.1:1");
  r.outcome = id;
  return r;
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Checks that each loop's records are all there, whole and in order.
void check_all_in_order(const std::vector<std::string>& lines, unsigned loops, int each) {
  REQUIRE(lines.size() == loops * static_cast<std::size_t>(each));
  std::vector<int> next(loops, 0);
  int wrong = 0;
  for (const std::string& line : lines) {
    unsigned loop = 0;
    int i = -1;
    const std::size_t at = line.find("\"outcome\":\"");
    REQUIRE(at != std::string::npos);
    REQUIRE(std::sscanf(line.c_str() + at, "\"outcome\":\"%u:%d;\"}", &loop, &i) == 2);
    REQUIRE(loop < loops);
    wrong += i != next[loop]++;
  }
  CHECK(wrong == 0);
}

void produce(AccessLog& log, unsigned loop, int count, std::atomic<int>& done) {
  std::string id;
  for (int i = 0; i < count; ++i) {
    log.log(loop, numbered(loop, i, id));
    done.fetch_add(1);
    if (i % 64 == 0) std::this_thread::yield();
  }
}

}  // namespace

TEST_CASE("access log: every record of every loop arrives once and in order, over a reopen under load") {
  Folder folder;
  const std::string now = folder.file("access.log"), before = folder.file("access.log.1");
  constexpr unsigned loops = 3;
  constexpr int each = 3000;  // fits the ring: nothing may be dropped however slow the writer is
  {
    auto log = AccessLog::open(now, conf::LogFormat::Json, loops);
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (unsigned loop = 0; loop < loops; ++loop)
      threads.emplace_back([&log, &done, loop] { produce(*log, loop, each, done); });
    while (done.load() < each) std::this_thread::yield();
    REQUIRE(std::rename(now.c_str(), before.c_str()) == 0);
    log->reopen();
    for (std::thread& t : threads) t.join();
    CHECK(log->dropped() == 0);
    while (::access(now.c_str(), F_OK) != 0) std::this_thread::yield();
    std::string id;
    for (unsigned loop = 0; loop < loops; ++loop) log->log(loop, numbered(loop, each, id));
  }
  std::vector<std::string> all = lines_of(before);
  const std::vector<std::string> later = lines_of(now);
  CHECK_FALSE(all.empty());
  CHECK(later.size() >= loops);
  all.insert(all.end(), later.begin(), later.end());
  check_all_in_order(all, loops, each + 1);
}

TEST_CASE("access log: a writer that does not come forward loses records by count, and stalls nobody") {
  Folder folder;
  const std::string pipe = folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);  // holds the pipe open and never reads
  REQUIRE(reader >= 0);
  std::signal(SIGPIPE, SIG_IGN);  // as main does
  auto log = AccessLog::open(pipe, conf::LogFormat::Json, 1);
  std::string id;
  AccessRecord r = numbered(0, 0, id);
  const std::string padding(4000, 'x');
  r.target = padding;
  r.method = "GET";
  for (int i = 0; i < 1000; ++i) log->log(0, r);
  CHECK(log->dropped() > 0);
  CHECK(log->dropped() < 1000);
  ::close(reader);  // the write in progress now fails, and the writer is free to stop
  log.reset();
}

TEST_CASE("access log: an unwritable path loses records by count, and a later reopen mends it") {
  Folder folder;
  const std::string path = folder.file("sub");
  REQUIRE(::mkdir(path.c_str(), 0700) == 0);  // a folder cannot be opened for writing
  auto log = AccessLog::open(path, conf::LogFormat::Json, 1);
  std::string id;
  log->log(0, numbered(0, 0, id));
  while (log->dropped() < 1) std::this_thread::yield();
  REQUIRE(::rmdir(path.c_str()) == 0);
  log->reopen();
  while (::access(path.c_str(), F_OK) != 0) std::this_thread::yield();
  log->log(0, numbered(0, 1, id));
  log.reset();
  CHECK(lines_of(path).size() == 1);
}

TEST_CASE("access log: no path, no work") {
  auto log = AccessLog::open("", conf::LogFormat::Json, 2);
  log->log(1, AccessRecord{});
  log->reopen();
  CHECK(log->dropped() == 0);
}
