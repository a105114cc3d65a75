// Rung 5 of the ladder: may the rest of a response, of which the client has a part, be taken from
// another answer? Either the answer is the missing range of the same strong validator (RFC 9110 sections
// 14 and 13.1.5), or it is a repetition whose prefix has the same hash. Anything else is refused.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"

struct XXH3_state_s;

namespace holdfast::http {

class Resume {
 public:
  Resume();
  ~Resume();
  Resume(const Resume&) = delete;
  Resume& operator=(const Resume&) = delete;

  void reset();
  /// The response whose body will be forwarded. `possible`: method and route allow resuming it.
  void open(const ResponseHead& head, bool possible);
  bool possible() const { return possible_; }
  /// Body bytes that went to the client.
  void forwarded(Bytes data);

  /// A new attempt begins. Appends Range and If-Range if the validator is strong and the request had no
  /// range of its own.
  void request_fields(bool request_has_range, std::string& out);
  /// The answer to that attempt. False: not the same thing, cut off.
  bool accept(const ResponseHead& head);
  /// Takes away from `data` what the client has already. False: the prefix differed.
  bool skip(Bytes& data);
  /// All of the prefix has been seen and was the same (or a range made that unnecessary).
  bool caught_up() const { return skip_left_ == 0; }
  bool by_range() const { return by_range_; }

 private:
  struct Free {
    void operator()(XXH3_state_s* state) const;
  };
  using Hash = std::unique_ptr<XXH3_state_s, Free>;

  bool possible_ = false;
  bool by_range_ = false;
  unsigned status_ = 0;
  bool length_known_ = false;
  std::uint64_t length_ = 0;
  std::string etag_, encoding_, type_, range_;
  std::uint64_t forwarded_ = 0;
  std::uint64_t skip_left_ = 0;
  Hash seen_;     ///< of what the client has; made with the first byte
  Hash again_;    ///< of the prefix of the new answer
};

}  // namespace holdfast::http
