#include "proxy/http/body.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/http/fields.h"
#include "proxy/http/rules.h"

namespace holdfast::http {
namespace {

constexpr unsigned size_digits_max = 16;
constexpr std::uint64_t body_bytes_max = std::uint64_t{1} << 62;  // sums cannot wrap

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

}  // namespace

void BodyDecoder::start(Framing framing, std::uint64_t content_length, const BodyLimits& limits) {
  limits_ = limits;
  received_ = 0;
  left_ = 0;
  digits_ = 0;
  extension_ = 0;
  line_bytes_ = 0;
  after_cr_ = false;
  trailers_.clear();
  switch (framing) {
    case Framing::None: state_ = State::Done; break;
    case Framing::Length:
      left_ = content_length;
      state_ = content_length ? State::Length : State::Done;
      break;
    case Framing::Chunked: state_ = State::ChunkSize; break;
    case Framing::UntilClose: state_ = State::UntilClose; break;
  }
}

std::expected<BodyDecoder::Step, Refusal> BodyDecoder::step(Bytes in) {
  std::size_t skipped = 0;
  while (skipped < in.size() && state_ != State::Done) {
    if (state_ == State::Length || state_ == State::UntilClose || state_ == State::ChunkData) {
      Step step = data(in.substr(skipped));
      step.taken += skipped;
      return step;
    }
    if (const Refusal* fault = framing_byte(in[skipped])) return std::unexpected(*fault);
    ++skipped;
  }
  return Step{.taken = skipped, .data = {}, .done = done()};
}

BodyDecoder::Step BodyDecoder::data(Bytes in) {
  if (state_ != State::UntilClose) {
    in = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
    left_ -= in.size();
    if (left_ == 0) state_ = state_ == State::Length ? State::Done : State::ChunkCr;
  }
  received_ += in.size();
  return {.taken = in.size(), .data = in, .done = done()};
}

bool BodyDecoder::end_of_stream() {
  if (state_ == State::UntilClose) state_ = State::Done;
  return done();
}

const Refusal* BodyDecoder::framing_byte(char c) {
  switch (state_) {
    case State::ChunkSize: return chunk_size(c);
    case State::ChunkExtension: return chunk_extension(c);
    case State::ChunkSizeLf: return chunk_line_end(c);
    case State::ChunkCr:
      if (c != '\r') return c == '\n' ? &rules::bare_lf : &rules::bad_chunk_end;
      state_ = State::ChunkLf;
      return nullptr;
    case State::ChunkLf:
      if (c != '\n') return &rules::bad_chunk_end;
      state_ = State::ChunkSize;
      digits_ = 0;
      return nullptr;
    case State::Trailer: return trailer(c);
    case State::Done:
    case State::Length:
    case State::UntilClose:
    case State::ChunkData: break;
  }
  CHECK(false);  // step() keeps these states to itself
  return nullptr;
}

const Refusal* BodyDecoder::chunk_size(char c) {
  if (int digit = hex_value(c); digit >= 0) {
    if (++digits_ > size_digits_max) return &rules::bad_chunk_size;
    left_ = digits_ == 1 ? 0 : left_ << 4;
    left_ |= static_cast<std::uint64_t>(digit);
    return nullptr;
  }
  if (c == '\n') return &rules::bare_lf;
  if (digits_ == 0 || left_ > body_bytes_max - received_) return &rules::bad_chunk_size;
  extension_ = 0;
  if (c == '\r') {
    state_ = State::ChunkSizeLf;
  } else if (c == ';') {
    state_ = State::ChunkExtension;
    return chunk_extension(c);
  } else {
    return &rules::bad_chunk_size;
  }
  return nullptr;
}

// Extensions are read over and never passed on (RFC 9112 section 7.1.1); only their bytes are judged.
const Refusal* BodyDecoder::chunk_extension(char c) {
  if (c == '\r') {
    state_ = State::ChunkSizeLf;
    return nullptr;
  }
  if (c == '\n') return &rules::bare_lf;
  if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) return &rules::bad_chunk_extension;
  return ++extension_ > limits_.chunk_extension ? &rules::chunk_extension_too_long : nullptr;
}

const Refusal* BodyDecoder::chunk_line_end(char c) {
  if (c != '\n') return &rules::bare_cr;
  state_ = left_ ? State::ChunkData : State::Trailer;
  return nullptr;
}

const Refusal* BodyDecoder::trailer(char c) {
  if (c == '\n' && !after_cr_) return &rules::bare_lf;
  if (c != '\n' && after_cr_) return &rules::bare_cr;
  after_cr_ = c == '\r';
  if (trailers_.size() >= limits_.trailer_bytes + 2) return &rules::trailer_too_large;  // 2: the empty line
  trailers_.push_back(c);
  ++line_bytes_;
  if (c != '\n') return nullptr;
  bool empty = line_bytes_ == 2;
  line_bytes_ = 0;
  if (!empty) return nullptr;
  trailers_.resize(trailers_.size() - 2);
  state_ = State::Done;
  return check_trailers();
}

const Refusal* BodyDecoder::check_trailers() const {
  const char* p = trailers_.data();
  const char* end = p + trailers_.size();
  Field field;
  for (std::size_t count = 0; p != end; ++count) {
    if (count == limits_.trailer_fields) return &rules::trailer_too_large;
    if (read_field(p, end, field)) return &rules::bad_trailer;
  }
  return nullptr;
}

}  // namespace holdfast::http
