// Judges the HTTP answer to a health check or a hook: status in a range and, if asked for, a text
// within the first 64 KiB of the body. Pure: fed bytes as they come, it answers as soon as it can. What
// a proxy could not forward (a malformed answer) is no sign of health either.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/http/body.h"
#include "proxy/http/parser.h"

namespace holdfast {

struct Expectation {
  bool to_head = false;        ///< the request was HEAD
  unsigned status_min = 200, status_max = 399;
  std::string body_contains;   ///< empty: any body, and it is not waited for
};

class HealthAnswer {
 public:
  enum class Verdict : std::uint8_t { More, Pass, Fail };
  static constexpr std::size_t body_max = 64 * 1024;  ///< bytes searched

  HealthAnswer(Expectation expect, http::HeadParser& parser);
  /// Not to be called again after Pass or Fail.
  Verdict feed(Bytes data);
  Verdict end();   ///< the stream ended
  const std::string& why() const { return why_; }  ///< after Fail: "status 503, not 200 to 399"

 private:
  Verdict fail(std::string why);
  Verdict head();
  Verdict judge_head(const http::ResponseHead& head);
  Verdict body(Bytes data);
  bool found() const { return text_.find(expect_.body_contains) != std::string::npos; }

  Expectation expect_;
  http::HeadParser* parser_;
  http::BodyDecoder decoder_;
  std::string head_;     // until the final head is whole
  std::string text_;     // of the body
  bool in_body_ = false;
  std::string why_;
};

}  // namespace holdfast
