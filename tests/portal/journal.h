// What both replicas know: an append-only file, one line a fact, each written with one write(2) on an
// O_APPEND descriptor, so that a kill -9 loses no line and two processes never mix theirs. Every
// process reads on from where it was before it answers, so that each sees what the other wrote.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>

namespace portal {

/// A word that may stand in a line: everything but letters, digits and ._:- becomes _; 100 bytes at most.
std::string word(const std::string& text);

class Journal {
 public:
  /// An empty path keeps everything in memory.
  explicit Journal(const std::string& path);

  void add(const std::string& lines);  ///< without the last newline

  std::string user_of(const std::string& session);      ///< empty: no such session
  std::string record(const std::string& id);            ///< JSON as it was stored; empty: none
  unsigned executions(const std::string& id);           ///< of that request, over both replicas
  bool once(const std::string& token);                  ///< true the first time anybody asks
  std::string keyed(const std::string& key);            ///< request id that used the key; empty: none

  struct Totals {
    std::uint64_t executed = 0;     ///< requests other than GET
    std::uint64_t posts_twice = 0;  ///< POST executed again under the same id
    std::map<std::string, std::uint64_t> by_instance;
  };
  Totals totals();

 private:
  void catch_up();
  void take_all(const std::string& bytes);
  void take(const std::string& line);
  void take_execution(const std::string& rest);
  std::unique_lock<std::mutex> lock();

  std::mutex mutex_;
  int fd_ = -1;
  std::int64_t read_ = 0;
  std::string partial_;
  std::unordered_map<std::string, std::string> sessions_, records_, keys_;
  std::unordered_map<std::string, unsigned> executions_, once_;
  Totals totals_;
};

}  // namespace portal
