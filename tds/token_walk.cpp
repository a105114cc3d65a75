#include "tds/token_walk.h"

#include <algorithm>
#include <utility>

#include "tds/login7.h"

namespace holdfast::tds {

namespace {

constexpr std::size_t held_at_rest = 16 * 1024;  // bytes of memory that are kept between tokens

std::unexpected<Error> bad(const char* what) { return fail(Blame::Server, what); }

}  // namespace

TokenWalk::Kinds TokenWalk::kinds(std::initializer_list<Token> tokens) {
  Kinds all;
  for (const Token token : tokens) all.set(static_cast<std::uint8_t>(token));
  return all;
}

TokenWalk::TokenWalk(std::uint32_t version, Kinds shown, TokenSink& sink, bool column_encryption)
    : version_(version),
      shown_(shown & ~kinds({Token::Row, Token::NbcRow, Token::AltRow})),
      sink_(&sink),
      column_encryption_(column_encryption) {}

void TokenWalk::restart() {
  TokenWalk fresh(version_, shown_, *sink_, column_encryption_);
  fresh.classification_ = classification_;
  *this = std::move(fresh);
}

Status TokenWalk::feed(Bytes payload, std::string* out) {
  if (failed_) return bad("TDS: the response could not be read before");
  Cursor c{payload.data(), payload.data(), payload.data() + payload.size(), out};
  auto status = walk(c);
  flush(c);
  if (!status) {
    failed_ = true;
    held_.append(c.at, c.left());
  }
  return status;
}

Status TokenWalk::walk(Cursor& c) {
  for (;;) {
    if (run_ > 0) {
      if (auto within = run(c); !within) return within;
      if (run_ > 0) return {};
    }
    if (phase_ == Phase::End) {
      end_token(c);
    } else if (phase_ == Phase::Token) {
      if (c.left() == 0) return {};
      if (auto begun = begin_token(c); !begun) return begun;
    } else if (phase_ == Phase::Bitmap) {
      bitmap(c);
      if (phase_ == Phase::Bitmap) return {};
    } else {
      const auto whole = phase_ == Phase::Values ? step(c) : item(c);
      if (!whole) return std::unexpected(whole.error());
      if (!*whole) return {};
    }
  }
}

Status TokenWalk::begin_token(Cursor& c) {
  const auto byte = static_cast<std::uint8_t>(*c.at);
  token_ = Token{byte};
  switch (token_) {
    case Token::Done:
    case Token::DoneProc:
    case Token::DoneInProc: skip(done_size(version_) - 1, Phase::End); break;
    case Token::ReturnStatus:
    case Token::Offset: skip(4, Phase::End); break;
    case Token::Error:
    case Token::Info:
    case Token::LoginAck:
    case Token::Order:
    case Token::ColInfo:
    case Token::TabName:
    case Token::Sspi: phase_ = Phase::ShortLength; break;
    case Token::SessionState:
    case Token::FedAuthInfo: phase_ = Phase::LongLength; break;
    case Token::EnvChange: phase_ = Phase::EnvHead; break;
    case Token::FeatureExtAck: phase_ = Phase::Feature; break;
    case Token::AltMetadata: phase_ = Phase::AltHead; break;
    case Token::AltRow: phase_ = Phase::AltRowId; break;
    case Token::ColMetadata:
    case Token::ReturnValue:
      if (column_encryption_) return bad("TDS: columns may be encrypted");
      phase_ = token_ == Token::ColMetadata ? Phase::ColumnCount : Phase::ReturnHead;
      break;
    case Token::DataClassification:
      if (classification_ == 0) return bad("TDS: a data classification of an unknown version");
      phase_ = Phase::LabelCount;
      break;
    case Token::Row:
    case Token::NbcRow:
      if (columns_.empty()) return bad("TDS: a row without its columns");
      begin_values(token_ == Token::Row ? Layout::Row : Layout::NullableRow);
      ++rows_;
      break;
    default: return bad("TDS: a token that is not known");
  }
  gathering_ = shown_[byte];
  if (gathering_) flush(c);
  take(c, 1);
  return {};
}

void TokenWalk::end_token(Cursor& c) {
  phase_ = Phase::Token;
  if (!std::exchange(gathering_, false)) return;
  std::string replacement;
  const auto verdict = sink_->on_token(token_, held_, replacement);
  if (c.out != nullptr && verdict == TokenSink::Verdict::Pass) c.out->append(held_);
  if (c.out != nullptr && verdict == TokenSink::Verdict::Replace) c.out->append(replacement);
  if (held_.capacity() > held_at_rest) std::string().swap(held_);
  held_.clear();
}

Status TokenWalk::run(Cursor& c) {
  if (gathering_)
    if (auto within = limit(held_.size() + run_); !within) return within;
  drain(c);
  return {};
}

bool TokenWalk::drain(Cursor& c) {
  const auto n = std::min<std::uint64_t>(run_, c.left());
  take(c, n);
  run_ -= n;
  return run_ == 0;
}

// An item is put together at held_'s end. It is given little more than it has already: long payloads are
// not copied for it, nor is one that comes in many feeds read too often. What was too much goes back.
Result<bool> TokenWalk::item(Cursor& c) {
  constexpr std::size_t fill_min = 64;
  flush(c);
  while (c.left() > 0) {
    const std::size_t more = std::min(c.left(), std::max(partial_, fill_min));
    held_.append(c.at, more);
    partial_ += more;
    c.at = c.from = c.at + more;
    const auto size = read_item(Bytes(held_).substr(held_.size() - partial_));
    if (!size) return std::unexpected(size.error());
    if (*size > 0) {
      const std::size_t extra = partial_ - *size;
      held_.resize(held_.size() - extra);
      c.at = c.from = c.at - extra;
      partial_ = 0;
    }
    if (auto within = limit(held_.size()); !within) return std::unexpected(within.error());
    if (*size == 0) continue;
    if (!gathering_) {
      if (c.out != nullptr) c.out->append(held_);
      held_.clear();
    }
    return true;
  }
  return false;
}

Status TokenWalk::limit(std::size_t bytes) const {
  if (bytes > token_max) return bad("TDS: a token is too long");
  return {};
}

void TokenWalk::take(Cursor& c, std::size_t n) {
  if (gathering_) {
    held_.append(c.at, n);
    c.from = c.at + n;
  }
  c.at += n;
}

void TokenWalk::flush(Cursor& c) {
  if (c.out != nullptr) c.out->append(c.from, c.at);
  c.from = c.at;
}

}  // namespace holdfast::tds
