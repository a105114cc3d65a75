// What a statement's text alone tells, and a small memory of it. Applications say the same few hundred texts
// all day, and reading one (lexer, proof, digest) costs about as much as the rest of relaying it. One memory
// belongs to one loop and one configuration. It
// holds texts with their literals, so it may never be shown, but for own_text, which an operator asks for.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "proxy/base/bytes.h"
#include "tds/digest.h"
#include "tds/statement.h"

namespace holdfast::tds {

struct TextFacts {
  StatementFacts statement;
  bool single = false;  ///< one DML statement: if it fails, nothing of it is done
  bool asks_previous = false;  ///< for @@IDENTITY or @@ROWCOUNT of the request before it
  bool announces_rows = false;  ///< INSERT BULK: rows follow in a message of their own
  bool rolls_back = false;  ///< ends the whole transaction and does no more
  bool begins = false;  ///< only begins a transaction
  bool repeatable = false;  ///< as a batch: reads, or says what only concerns the session
  StatementDigest digest;  ///< if digests are made
  std::string own_text;  ///< UTF-8, its beginning with all literals, if asked for
};

/// A text's facts, held for as long as somebody looks at them. Counted without atomics: all of one loop.
class TextRef {
 public:
  struct Known {
    TextFacts facts;
    std::string text = {};  ///< UTF-16LE; empty: it is not remembered
    bool nested = false;
    std::uint32_t users = 0;
  };

  TextRef() = default;
  explicit TextRef(Known* known) : known_(known) { ++known_->users; }
  TextRef(const TextRef& other) : known_(other.known_) {
    if (known_) ++known_->users;
  }
  TextRef(TextRef&& other) noexcept : known_(std::exchange(other.known_, nullptr)) {}
  TextRef& operator=(TextRef other) noexcept {
    std::swap(known_, other.known_);
    return *this;
  }
  ~TextRef() { reset(); }

  void reset() {
    if (known_ == nullptr) return;
    if (--known_->users == 0) delete known_;
    known_ = nullptr;
  }
  explicit operator bool() const { return known_ != nullptr; }
  const TextFacts& operator*() const { return known_->facts; }
  const TextFacts* operator->() const { return &known_->facts; }

 private:
  friend class TextMemory;
  Known* known_ = nullptr;
};

class TextMemory {
 public:
  static constexpr std::size_t slots_max = 512;
  static constexpr std::size_t text_max = 4096;  ///< bytes of a text that is remembered
  static constexpr std::size_t digest_source_max = 64 * 1024;  ///< bytes that a digest is made of

  /// `digest_text`: bytes of a digest's text; 0: no digests are made. `own_text`: characters kept of a text
  /// itself.
  explicit TextMemory(std::size_t digest_text, std::size_t own_text = 0)
      : digest_text_(digest_text), own_text_(own_text) {}

  /// `text` is UTF-16LE; `nested` as in facts_of(). A text is remembered when it comes a second time with no
  /// other of its slot in between, so that texts with literals in them, which come once, push nothing out. At
  /// most 2 MiB of text and what was found about it are held, and what its users hold besides.
  TextRef read(Bytes text, bool nested);
  /// Only digest and own text, of the beginning of a text that is not whole.
  TextRef begin(Bytes text) const;

 private:
  struct Slot {
    std::uint64_t last = 0;  ///< hash of the text that was here last
    TextRef known;
  };

  TextFacts judge(Bytes text, bool nested) const;
  StatementDigest digest(Bytes text) const;
  std::string own(Bytes text) const;

  std::size_t digest_text_, own_text_;
  std::unique_ptr<std::array<Slot, slots_max>> slots_;  ///< made at the first use
};

}  // namespace holdfast::tds
