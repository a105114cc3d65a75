// Text put behind a string with as little as possible between the pieces: the string's spare room is opened once
// and closed when the Appender goes. Until then the string must not be touched by anyone else.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace holdfast::http {

class Appender {
 public:
  explicit Appender(std::string& out) : out_(out) { open(out.size(), 512); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;
  ~Appender() { out_.resize(used()); }

  Appender& put(std::string_view text) {
    char* to = room(text.size());
    if (!text.empty()) std::memcpy(to, text.data(), text.size());
    to_ = to + text.size();
    return *this;
  }
  /// A literal: its length is known, so that it is written in a few moves.
  template <std::size_t n>
  Appender& put(const char (&text)[n]) {
    char* to = room(n - 1);
    std::memcpy(to, text, n - 1);
    to_ = to + n - 1;
    return *this;
  }
  Appender& put(char c) {
    *room(1) = c;
    ++to_;
    return *this;
  }
  Appender& put_number(std::uint64_t value) {
    char* to = room(20);
    to_ = std::to_chars(to, to + 20, value).ptr;
    return *this;
  }
  Appender& put_field(std::string_view name, std::string_view value) {
    return put(name).put(": ").put(value).put("\r\n");
  }

 private:
  std::size_t used() const { return static_cast<std::size_t>(to_ - out_.data()); }
  char* room(std::size_t size) {
    if (static_cast<std::size_t>(end_ - to_) < size) [[unlikely]]
      open(used(), size + used());
    return to_;
  }
  void open(std::size_t used, std::size_t more) {
    const std::size_t size = std::max(used + more, out_.capacity());
    out_.resize_and_overwrite(size, [](char*, std::size_t n) { return n; });
    to_ = out_.data() + used;
    end_ = out_.data() + size;
  }

  std::string& out_;
  char* to_ = nullptr;
  char* end_ = nullptr;
};

}  // namespace holdfast::http
