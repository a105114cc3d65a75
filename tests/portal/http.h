// HTTP/1.1 for the portal: enough to be a correct origin on blocking sockets, and no more.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace portal {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Value of the first field of that name, any case; empty if there is none.
std::string find(const Headers& headers, std::string_view name);

struct Request {
  std::string method, target, path;
  std::vector<std::pair<std::string, std::string>> query;  ///< percent-decoded
  Headers headers;
  std::string body;
  bool keep_alive = true;

  std::string header(std::string_view name) const { return find(headers, name); }
  std::string arg(std::string_view name) const { return find(query, name); }
  long long number(std::string_view name, long long otherwise) const;
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  Headers headers;
};

/// One accepted socket; owns nothing but its buffer.
class Wire {
 public:
  explicit Wire(int fd) : fd_(fd) {}
  int fd() const { return fd_; }

  /// Blocks for a whole request. False: the connection is over, or was not HTTP (400 was sent).
  bool read(Request& request);
  bool write(std::string_view bytes);
  bool idle() const { return buffer_.empty(); }
  std::string take_buffer() { return std::exchange(buffer_, {}); }

 private:
  bool fill();
  bool line(std::string& out);
  bool exactly(std::size_t n, std::string& out);
  bool head(Request& request);
  bool body(Request& request);
  bool chunked(std::string& out);

  int fd_;
  std::string buffer_;
};

std::string percent_decode(std::string_view text);
std::string json(std::string_view text);  ///< quoted and escaped
/// The head with Content-Length, or Transfer-Encoding when `length` is negative.
std::string head_of(const Response& response, long long length, bool keep_alive);

}  // namespace portal
