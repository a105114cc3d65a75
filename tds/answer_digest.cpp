#include "tds/answer_digest.h"

#include "tds/little.h"

namespace holdfast::tds {

AnswerDigest::AnswerDigest(std::uint32_t version, bool column_encryption, bool prepares)
    : version_(version),
      prepares_(prepares),
      walk_(version,
            TokenWalk::kinds(
                {Token::EnvChange, Token::Error, Token::Info, Token::SessionState, Token::ReturnValue}),
            *this, column_encryption) {}

void AnswerDigest::add(Bytes payload) {
  if (!readable_) return;
  out_.clear();
  readable_ = walk_.feed(payload, &out_).has_value();
  hash_.add(out_);
}

TokenSink::Verdict AnswerDigest::on_token(Token token, Bytes whole, std::string& replacement) {
  switch (token) {
    case Token::EnvChange: on_env_change(whole); return Verdict::Drop;
    case Token::SessionState: return Verdict::Drop;
    case Token::Error:
    case Token::Info: return on_message(whole, replacement);
    case Token::ReturnValue: return on_returned(whole, replacement);
    default: return Verdict::Pass;
  }
}

void AnswerDigest::on_env_change(Bytes whole) {
  const auto change = parse_env_change(whole);
  if (!change) return;
  switch (change->kind) {
    case EnvKind::Begin: begun_ = LittleReader(change->new_value).u64().value_or(0); return;
    case EnvKind::Commit:
    case EnvKind::Rollback:
    case EnvKind::Enlist:
    case EnvKind::Defect:
    case EnvKind::Ended: ended_ = true; return;
    default: return;
  }
}

TokenSink::Verdict AnswerDigest::on_message(Bytes whole, std::string& replacement) {
  auto message = parse_server_message(whole, version_);
  if (!message) {
    readable_ = false;
    return Verdict::Pass;
  }
  if (message->token == Token::Error && error_ == 0) error_ = message->number;
  message->server.clear();
  append_server_message(replacement, version_, *message);
  return Verdict::Replace;
}

TokenSink::Verdict AnswerDigest::on_returned(Bytes whole, std::string& replacement) {
  const auto returned = parse_returned_int(whole, version_);
  if (!returned || !prepares_ || handle_ != 0) return Verdict::Pass;
  handle_ = returned->value;
  replacement = whole;
  replacement.replace(returned->at, 4, 4, '\0');
  return Verdict::Replace;
}

}  // namespace holdfast::tds
