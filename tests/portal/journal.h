// A Store in a file: append-only, one line a fact, each written with one write(2) on an
// O_APPEND descriptor, so that a kill -9 loses no line and two processes never mix theirs. Every
// process reads on from where it was before it answers, so that each sees what the other wrote.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "tests/portal/store.h"

namespace portal {

class Journal final : public Store {
 public:
  /// An empty path keeps everything in memory.
  explicit Journal(const std::string& path);

  void log_in(const std::string& session, const std::string& user) override;
  void log_out(const std::string& session) override;
  std::string user_of(const std::string& session) override;
  void put_record(const std::string& id, const std::string& json) override;
  std::string record(const std::string& id) override;
  std::string execute(const Change& change) override;
  unsigned executions(const std::string& id) override;
  bool once(const std::string& token) override;
  Totals totals() override;

 private:
  void add(const std::string& lines);  ///< without the last newline
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
