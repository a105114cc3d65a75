#include "tests/portal/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace portal {
namespace {

/// Cuts the first word off.
std::string cut_word(std::string& text) {
  const std::size_t space = text.find(' ');
  std::string first = text.substr(0, space);
  text.erase(0, space == text.npos ? space : space + 1);
  return first;
}

std::string find(const std::unordered_map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? std::string() : found->second;
}

}  // namespace

Journal::Journal(const std::string& path) {
  if (path.empty()) return;
  fd_ = ::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) {
    std::perror(path.c_str());
    std::exit(2);
  }
}

std::unique_lock<std::mutex> Journal::lock() {
  std::unique_lock<std::mutex> held(mutex_);
  catch_up();
  return held;
}

void Journal::add(const std::string& lines) {
  const std::string whole = lines + '\n';
  if (fd_ >= 0) {
    if (::write(fd_, whole.data(), whole.size()) < 0) std::perror("journal");
    return;
  }
  std::lock_guard<std::mutex> held(mutex_);
  take_all(whole);
}

void Journal::catch_up() {
  char bytes[65536];
  for (;;) {
    const ssize_t n = fd_ < 0 ? 0 : ::pread(fd_, bytes, sizeof bytes, read_);
    if (n <= 0) return;
    read_ += n;
    take_all(std::string(bytes, static_cast<std::size_t>(n)));
  }
}

void Journal::take_all(const std::string& bytes) {
  partial_ += bytes;
  std::size_t begin = 0, end;
  while ((end = partial_.find('\n', begin)) != partial_.npos) {
    take(partial_.substr(begin, end - begin));
    begin = end + 1;
  }
  partial_.erase(0, begin);
}

void Journal::take(const std::string& line) {
  std::string rest = line;
  const std::string kind = cut_word(rest);
  if (kind == "exec") return take_execution(rest);
  const std::string key = cut_word(rest);
  if (kind == "session") sessions_[key] = rest;
  if (kind == "logout") sessions_.erase(key);
  if (kind == "record") records_[key] = rest;
  if (kind == "key") keys_.emplace(key, rest);
  if (kind == "once") ++once_[key];
}

void Journal::take_execution(const std::string& text) {
  std::string rest = text;
  const std::string id = cut_word(rest), method = cut_word(rest);
  cut_word(rest);  // path
  ++totals_.executed;
  ++totals_.by_instance[rest];
  if (++executions_[id] > 1 && method == "POST") ++totals_.posts_twice;
}

void Journal::log_in(const std::string& session, const std::string& user) {
  add("session " + session + " " + user);
}

void Journal::log_out(const std::string& session) { add("logout " + session); }

void Journal::put_record(const std::string& id, const std::string& json) { add("record " + id + " " + json); }

std::string Journal::user_of(const std::string& session) {
  const auto held = lock();
  return find(sessions_, session);
}

std::string Journal::record(const std::string& id) {
  const auto held = lock();
  return find(records_, id);
}

std::string Journal::execute(const Change& change) {
  if (!change.key.empty()) {
    const auto held = lock();
    if (std::string first = find(keys_, change.key); !first.empty()) return first;
  }
  // One write, so that a kill -9 cannot part the two.
  std::string line = "exec " + change.id + ' ' + change.method + ' ' + change.path + ' ' + change.instance;
  if (!change.key.empty()) line += "\nkey " + change.key + ' ' + change.id;
  add(line);
  return {};
}

unsigned Journal::executions(const std::string& id) {
  const auto held = lock();
  const auto found = executions_.find(id);
  return found == executions_.end() ? 0 : found->second;
}

bool Journal::once(const std::string& token) {
  {
    const auto held = lock();
    if (once_.contains(token)) return false;
  }
  add("once " + token);
  return true;
}

Totals Journal::totals() {
  const auto held = lock();
  return totals_;
}

}  // namespace portal
