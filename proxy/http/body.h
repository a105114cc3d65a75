// Where a message body ends: RFC 9112 sections 6 and 7.1 as a pull machine over borrowed bytes. It
// copies nothing but trailers: each step says how many bytes of framing to skip and which run of bytes
// is body. What it decides does not depend on how the input was split.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"
#include "proxy/http/parser.h"

namespace holdfast::http {

struct BodyLimits {
  std::size_t chunk_extension = 256;  ///< bytes per chunk line, from ';' on
  std::size_t trailer_bytes = 8192;   ///< the whole section, line ends included
  std::size_t trailer_fields = 100;
};

class BodyDecoder {
 public:
  struct Step {
    std::size_t taken = 0;  ///< bytes of the input used, `data` included
    Bytes data;             ///< a run of body bytes inside the input; may be empty
    bool done = false;      ///< the body has ended; bytes after `taken` belong to the next message
  };

  void start(Framing framing, std::uint64_t content_length, const BodyLimits& limits);
  /// Takes some of `in`. Call until done or taken == in.size(). Strict: CRLF only, hex size without sign
  /// or prefix, at most 16 digits, no white space before ';', trailers checked like header fields.
  /// After a refusal, and after done, it must not be called again before start().
  std::expected<Step, Refusal> step(Bytes in);
  /// The stream ended. True if that is a proper end (until-close, or already done).
  bool end_of_stream();
  bool done() const { return state_ == State::Done; }
  std::uint64_t received() const { return received_; }   ///< body bytes so far
  /// Trailer section as received, without the final empty line; kept only within the limit.
  Bytes trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t {
    Done,
    Length,
    UntilClose,
    ChunkSize,
    ChunkExtension,
    ChunkSizeLf,
    ChunkData,
    ChunkCr,
    ChunkLf,
    Trailer
  };
  Step data(Bytes in);
  const Refusal* framing_byte(char c);
  const Refusal* chunk_size(char c);
  const Refusal* chunk_extension(char c);
  const Refusal* chunk_line_end(char c);
  const Refusal* trailer(char c);
  const Refusal* check_trailers() const;

  State state_ = State::Done;
  BodyLimits limits_;
  std::uint64_t left_ = 0;      ///< of the length or the chunk; while reading a size, its value so far
  std::uint64_t received_ = 0;
  std::size_t extension_ = 0;   ///< bytes of this chunk line's extensions
  unsigned digits_ = 0;
  bool after_cr_ = false;       ///< in a trailer: the last byte was CR
  std::size_t line_bytes_ = 0;  ///< of the trailer line being read
  std::string trailers_;
};

}  // namespace holdfast::http
