#include "proxy/http/driver_resume.h"

#include <xxhash.h>

#include <charconv>

namespace holdfast::http {

namespace {

/// RFC 9110 section 8.8.1: only a strong validator promises the same bytes.
bool is_strong(std::string_view etag) {
  return etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
}

/// "bytes first-last/length", section 14.4, with a known length.
bool parse_content_range(std::string_view text, std::uint64_t& first, std::uint64_t& last,
                         std::uint64_t& length) {
  if (!text.starts_with("bytes ")) return false;
  const char* p = text.data() + 6;
  const char* end = text.data() + text.size();
  auto number = [&](std::uint64_t& n, char after) {
    auto r = std::from_chars(p, end, n);
    if (r.ec != std::errc{} || (after ? r.ptr == end || *r.ptr != after : r.ptr != end)) return false;
    p = r.ptr + (after ? 1 : 0);
    return true;
  };
  return number(first, '-') && number(last, '/') && number(length, '\0');
}

/// Most responses have only some of these.
void keep(std::string_view value, std::string& kept) {
  if (!value.empty() || !kept.empty()) kept.assign(value);
}

}  // namespace

void Resume::Free::operator()(XXH3_state_s* state) const { XXH3_freeState(state); }

Resume::Resume() = default;
Resume::~Resume() = default;

void Resume::reset() {
  possible_ = by_range_ = false;
  forwarded_ = skip_left_ = 0;
  seen_.reset();
  again_.reset();
}

void Resume::open(const ResponseHead& head, bool possible) {
  reset();
  possible_ = possible && (head.status == 200 || head.status == 206);
  if (!possible_) return;
  status_ = head.status;
  length_known_ = head.framing == Framing::Length;
  length_ = head.content_length;
  keep(head.value(Known::ETag), etag_);
  keep(head.value(Known::ContentEncoding), encoding_);
  keep(head.value(Known::ContentType), type_);
  keep(head.value(Known::ContentRange), range_);
}

void Resume::forwarded(Bytes data) {
  if (!possible_ || data.empty()) return;
  if (!seen_) {
    seen_.reset(XXH3_createState());
    XXH3_128bits_reset(seen_.get());
  }
  XXH3_128bits_update(seen_.get(), data.data(), data.size());
  forwarded_ += data.size();
}

void Resume::request_fields(bool request_has_range, std::string& out) {
  // A range of a range would have to be computed; repeating the whole and comparing needs no such care.
  if (!is_strong(etag_) || request_has_range || status_ != 200 || forwarded_ == 0) return;
  out += "Range: bytes=" + std::to_string(forwarded_) + "-\r\nIf-Range: " + etag_ + "\r\n";
}

bool Resume::accept(const ResponseHead& head) {
  if (!possible_) return false;
  by_range_ = false;
  skip_left_ = forwarded_;
  again_.reset();
  if (head.value(Known::ContentEncoding) != encoding_ || head.value(Known::ContentType) != type_)
    return false;
  if (head.status == 206 && status_ == 200) {
    std::uint64_t first = 0, last = 0, length = 0;
    if (head.value(Known::ETag) != etag_ || !is_strong(etag_)) return false;
    if (!parse_content_range(head.value(Known::ContentRange), first, last, length)) return false;
    if (first != forwarded_ || last + 1 != length || (length_known_ && length != length_)) return false;
    // The client counts: a byte more than it was promised would be read as its next response.
    if (head.framing != Framing::Length || head.content_length != length - first) return false;
    by_range_ = true;
    skip_left_ = 0;
    return true;
  }
  if (head.status != status_ || head.value(Known::ContentRange) != range_) return false;
  if (length_known_ && (head.framing != Framing::Length || head.content_length != length_)) return false;
  // Two strong validators that differ are two different representations, whatever their beginnings.
  const std::string_view etag = head.value(Known::ETag);
  return !is_strong(etag_) || !is_strong(etag) || etag == etag_;
}

bool Resume::skip(Bytes& data) {
  if (skip_left_ == 0) return true;
  Bytes head = data.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(skip_left_, data.size())));
  if (!again_) {
    again_.reset(XXH3_createState());
    XXH3_128bits_reset(again_.get());
  }
  XXH3_128bits_update(again_.get(), head.data(), head.size());
  skip_left_ -= head.size();
  data.remove_prefix(head.size());
  if (skip_left_ > 0) return true;
  return XXH128_isEqual(XXH3_128bits_digest(seen_.get()), XXH3_128bits_digest(again_.get())) != 0;
}

}  // namespace holdfast::http
