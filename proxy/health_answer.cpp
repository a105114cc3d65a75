#include "proxy/health_answer.h"

#include <algorithm>
#include <utility>

namespace holdfast {

namespace {

constexpr http::ParseLimits limits;
constexpr unsigned switching_protocols = 101;

}  // namespace

HealthAnswer::HealthAnswer(Expectation expect, http::HeadParser& parser)
    : expect_(std::move(expect)), parser_(&parser) {}

HealthAnswer::Verdict HealthAnswer::fail(std::string why) {
  why_ = std::move(why);
  return Verdict::Fail;
}

HealthAnswer::Verdict HealthAnswer::feed(Bytes data) {
  if (in_body_) return body(data);
  // One byte over the limit is enough to know that it is over.
  head_.append(data);
  return head();
}

HealthAnswer::Verdict HealthAnswer::head() {
  while (!in_body_) {
    std::size_t end = http::find_head_end(head_, 0);
    if (std::max(end, end == 0 ? head_.size() : 0) > limits.head_bytes) return fail("its head is too large");
    if (end == 0) return Verdict::More;
    std::string block = head_.substr(0, end);
    head_.erase(0, end);
    http::ResponseHead head;
    auto parsed = parser_->parse_response(block, limits, expect_.to_head, head);
    if (!parsed) return fail(std::string("malformed answer: ").append(parsed.error().rule));
    if (head.status < 200 && head.status != switching_protocols) continue;  // RFC 9110 section 15.2: interim
    if (Verdict v = judge_head(head); v != Verdict::More) return v;
    in_body_ = true;
    decoder_.start(head.framing, head.content_length, {});
  }
  return body(std::exchange(head_, {}));
}

HealthAnswer::Verdict HealthAnswer::judge_head(const http::ResponseHead& head) {
  if (head.status < expect_.status_min || head.status > expect_.status_max) {
    std::string why = "status " + std::to_string(head.status) + ", not " + std::to_string(expect_.status_min);
    if (expect_.status_max != expect_.status_min) why += " to " + std::to_string(expect_.status_max);
    return fail(std::move(why));
  }
  return expect_.body_contains.empty() ? Verdict::Pass : Verdict::More;
}

HealthAnswer::Verdict HealthAnswer::body(Bytes data) {
  while (!decoder_.done() && !data.empty()) {
    auto step = decoder_.step(data);
    if (!step) return fail(std::string("malformed body: ").append(step.error().rule));
    text_.append(step->data.substr(0, body_max - text_.size()));
    data.remove_prefix(step->taken);
    if (text_.size() >= body_max) break;
  }
  if (found()) return Verdict::Pass;
  if (decoder_.done()) return fail("the expected text is not in its body");
  if (text_.size() >= body_max) return fail("the expected text is not in the first 64 KiB of its body");
  return Verdict::More;
}

HealthAnswer::Verdict HealthAnswer::end() {
  if (!in_body_) return fail("closed without an answer");
  if (decoder_.end_of_stream()) return fail("the expected text is not in its body");
  return fail("closed in the middle of its answer");
}

}  // namespace holdfast
