// Walks the tokens of one response stream in any split, stepping over rows and values without keeping them.
// Whole small tokens of the kinds asked for are shown to a sink, which may pass, change or drop them; all
// other bytes pass unchanged. Used where a response must be understood; a relay that need not understand
// looks at packet headers and the last token only.
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
  /// `whole` is the token, its type byte included. Replace: `replacement`, empty when called, goes in its
  /// place.
  virtual Verdict on_token(Token token, Bytes whole, std::string& replacement) = 0;

 protected:
  ~TokenSink() = default;
};

class TokenWalk {
 public:
  /// A token that is shown or must be read (a column of COLMETADATA) may have this many bytes.
  static constexpr std::size_t token_max = 256 * 1024;
  static constexpr std::size_t columns_max = 4096;

  using Kinds = std::bitset<256>;
  static Kinds kinds(std::initializer_list<Token> tokens);

  /// Rows are never shown, nor a RETURNVALUE of a type without a small limit (PLP, text): both pass as they
  /// come. `column_encryption`: FeatureExtAck 04 was negotiated, which changes COLMETADATA: not understood,
  /// an error there.
  TokenWalk(std::uint32_t version, Kinds shown, TokenSink& sink, bool column_encryption = false);
  /// The version acknowledged in FeatureExtAck 09, 1 or 2; without it a DATACLASSIFICATION cannot be read.
  void set_data_classification(std::uint8_t version) { classification_ = version; }

  /// Payload bytes of the response, in any split. What passes is appended to `out`; null: nobody wants it.
  /// An unknown token, an unknown type, or a token over the limit is an error; then what was fed and not
  /// passed is in held().
  Status feed(Bytes payload, std::string* out);
  /// Nothing is half read: the bytes so far end with a token.
  bool at_boundary() const { return phase_ == Phase::Token && run_ == 0 && held_.empty(); }
  /// Bytes of a token that is not whole yet; after an error they and the rest of the response can go on
  /// unread.
  Bytes held() const { return held_; }
  /// Rows seen (ROW, NBCROW).
  std::uint64_t rows() const { return rows_; }
  void restart();  ///< for the next response

 private:
  // What the next bytes are. Those up to ReturnHead are items: small, and read only when whole. Behind an
  // item there may be a run, bytes that nobody looks at.
  enum class Phase : std::uint8_t {
    Token, ShortLength, LongLength, EnvHead, Feature, ColumnCount, Column, AltHead, AltColumn, AltRowId,
    ReturnHead, LabelCount, Label, InformationCount, Information, Rank, ClassifiedCount,
    Classified, Bitmap, Values, End,
  };
  // Where in a value whose length has several parts.
  enum class Part : std::uint8_t { Head, Chunk, BehindPointer };
  // Whose columns the values are of. Rows of ROW are stepped over by steps_, in which neighbours of fixed
  // size are one.
  enum class Layout : std::uint8_t { Row, NullableRow, Compute, Returned };
  struct Column {
    LengthKind kind = LengthKind::Fixed;
    std::uint32_t size = 0;
  };
  struct Compute {  // ALTMETADATA
    std::uint16_t id = 0;
    std::size_t first = 0, count = 0;
  };
  struct Cursor {   // from..at passes, at..end is not looked at yet
    const char* from;
    const char* at;
    const char* end;
    std::string* out;
    std::size_t left() const { return static_cast<std::size_t>(end - at); }
  };

  Status walk(Cursor& c);
  Status begin_token(Cursor& c);
  void end_token(Cursor& c);
  Status run(Cursor& c);
  Result<bool> item(Cursor& c);                   // true: one was read; false: its bytes are not all here
  Status limit(std::size_t more) const;
  void take(Cursor& c, std::size_t n);            // the next n bytes belong to the token
  static void flush(Cursor& c);

  // Readers of an item: its size, once all its bytes are there, else 0. They say what follows it.
  Result<std::size_t> read_item(Bytes b);
  std::size_t read_length(Bytes b, bool wide);
  std::size_t read_env_head(Bytes b);
  std::size_t read_feature(Bytes b);
  Result<std::size_t> read_column_count(Bytes b);
  Result<std::size_t> read_column(Bytes b, bool compute);
  Result<std::size_t> read_alt_head(Bytes b);
  Result<std::size_t> read_alt_row_id(Bytes b);
  Result<std::size_t> read_return_head(Bytes b);
  std::size_t read_classification(Bytes b);
  std::size_t read_classified_count(Bytes b, Phase each, Phase next, std::size_t times);
  void after_columns();
  void skip(std::uint64_t n, Phase then) { run_ = n, phase_ = then; }

  // Values. True: they are over; false: the input is.
  Result<bool> step(Cursor& c);
  Result<bool> step_value(Cursor& c, const Column& column);
  const char* step_fast(const char* at, const char* end, const Column* list);
  bool number(Cursor& c, unsigned width);
  bool drain(Cursor& c);
  void bitmap(Cursor& c);
  bool is_null(std::size_t index) const;
  void begin_values(Layout layout);
  const Column* list() const;

  std::uint32_t version_;
  Kinds shown_;
  TokenSink* sink_;
  bool column_encryption_;
  std::uint8_t classification_ = 0;

  Phase phase_ = Phase::Token;
  bool gathering_ = false;        // the token is shown: its bytes go to held_
  bool failed_ = false;
  Token token_{};
  std::uint64_t run_ = 0;         // bytes of the token that pass unread
  std::string held_;
  std::size_t partial_ = 0;       // bytes at held_'s end that are an item in part

  std::vector<Column> columns_, steps_, compute_columns_;
  std::vector<Compute> computes_;
  Column returned_;
  std::size_t remaining_ = 0;     // columns or entries still to come
  std::uint64_t rows_ = 0;

  Layout layout_ = Layout::Row;
  std::size_t index_ = 0, count_ = 0, first_ = 0;  // of the values
  Part part_ = Part::Head;
  std::uint64_t number_ = 0;      // a length that lies across two feeds, and ...
  unsigned number_have_ = 0;      // ... how many of its bytes are there
  std::string bitmap_;            // NBCROW's
};

}  // namespace holdfast::tds
