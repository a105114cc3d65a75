// Walks the tokens of one response stream in any split, stepping over rows and values without keeping them. Whole small tokens
// of the kinds asked for are shown to a sink, which may pass, change or drop them; all other bytes pass unchanged. Used where
// a response must be understood; a relay that need not understand looks at packet headers and the last token only.
//
//   token byte ─▶ fixed length ─▶ ...      ROW ─▶ column 1 ─▶ ... ─▶ column n (PLP: chunk by chunk)
//              └▶ length in front           COLMETADATA is read for the rows that follow
#pragma once

#include <bitset>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tds/token.h"
#include "tds/type_info.h"

namespace holdfast::tds {

class TokenSink {
 public:
  enum class Verdict : std::uint8_t { Pass, Replace, Drop };
  /// `whole` is the token, its type byte included. Replace: `replacement`, empty when called, goes in its place.
  virtual Verdict on_token(Token token, Bytes whole, std::string& replacement) = 0;

 protected:
  ~TokenSink() = default;
};

class TokenWalk {
 public:
  /// A token that is shown or must be read (COLMETADATA) may have this many bytes.
  static constexpr std::size_t token_max = 256 * 1024;
  static constexpr std::size_t columns_max = 4096;

  using Kinds = std::bitset<256>;
  static Kinds kinds(std::initializer_list<Token> tokens);

  /// `column_encryption`: FeatureExtAck 04 was negotiated, which changes COLMETADATA: not understood, an error there.
  TokenWalk(std::uint32_t version, Kinds shown, TokenSink& sink, bool column_encryption = false);

  /// Payload bytes of the response, in any split. What passes is appended to `out`; null: nobody wants it. An unknown token, an
  /// unknown type, or a token over the limit is an error; then what was fed and not passed is in held().
  Status feed(Bytes payload, std::string* out);
  /// Nothing is half read: the bytes so far end with a token.
  bool at_boundary() const;
  /// Bytes of a token that is not whole yet; after an error they and the rest of the response can go on unread.
  Bytes held() const { return held_; }
  /// Rows seen (ROW, NBCROW).
  std::uint64_t rows() const { return rows_; }
  void restart();  ///< for the next response

 private:
  // The states and tables are token_walk.cpp's affair; add private members as needed.
  std::uint32_t version_;
  Kinds shown_;
  TokenSink* sink_;
  bool column_encryption_;
  std::string held_;
  std::uint64_t rows_ = 0;
  std::vector<TypeInfo> columns_;
};

}  // namespace holdfast::tds
