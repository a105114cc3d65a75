// Where a message body ends: RFC 9112 sections 6 and 7.1 as a pull machine over borrowed bytes. It
// copies nothing: each step says how many bytes of framing to skip and which run of bytes is body.
#pragma once

#include <cstdint>
#include <expected>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/http/message.h"
#include "proxy/http/parser.h"

namespace holdfast::http {

struct BodyLimits {
  std::size_t chunk_extension = 256;  ///< bytes per chunk line
  std::size_t trailer_bytes = 8192;
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
  std::expected<Step, Refusal> step(Bytes in);
  /// The stream ended. True if that is a proper end (until-close, or already done).
  bool end_of_stream();
  bool done() const { return state_ == State::Done; }
  std::uint64_t received() const { return received_; }   ///< body bytes so far
  /// Trailer section as received, without the final empty line; kept only within the limit.
  Bytes trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t { Done, Length, UntilClose, ChunkSize, ChunkExtension, ChunkSizeLf, ChunkData, ChunkCr, ChunkLf, Trailer };
  std::expected<Step, Refusal> chunked(Bytes in);

  State state_ = State::Done;
  BodyLimits limits_;
  std::uint64_t left_ = 0;
  std::uint64_t received_ = 0;
  std::size_t line_bytes_ = 0;
  unsigned digits_ = 0;
  std::string trailers_;
};

}  // namespace holdfast::http
