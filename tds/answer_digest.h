// What an answer says, as a hash that is the same on every server: names of servers, prepared handles,
// transaction descriptors and session states do not count. A Conversation makes one of each answer in a
// transaction that may be run again (conversation_replay.cpp), and compares. Not against an attacker, see
// stream_hash.h. Holds at most one token.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "tds/stream_hash.h"
#include "tds/token_walk.h"

namespace holdfast::tds {

class AnswerDigest final : TokenSink {
 public:
  /// `prepares`: the first RETURNVALUE is a handle.
  AnswerDigest(std::uint32_t version, bool column_encryption, bool prepares);
  AnswerDigest(const AnswerDigest&) = delete;

  /// The answer's payload, in any split.
  void add(Bytes payload);
  /// It was understood and ends where a token does, without an error.
  bool fine() const { return readable_ && walk_.at_boundary() && error_ == 0; }
  std::uint64_t value() const { return hash_.value(); }
  std::uint32_t error() const { return error_; }      ///< the first ERROR's number; 0: none
  std::uint64_t begun() const { return begun_; }      ///< descriptor of a transaction that it began
  bool ended() const { return ended_; }               ///< a transaction ended in it
  std::int32_t handle() const { return handle_; }     ///< 0: none was returned
  std::size_t memory() const { return walk_.held().size() + out_.capacity(); }

 private:
  Verdict on_token(Token token, Bytes whole, std::string& replacement) override;
  void on_env_change(Bytes whole);
  Verdict on_message(Bytes whole, std::string& replacement);
  Verdict on_returned(Bytes whole, std::string& replacement);

  const std::uint32_t version_;
  bool prepares_;
  TokenWalk walk_;
  StreamHash hash_;
  std::string out_;
  bool readable_ = true, ended_ = false;
  std::uint32_t error_ = 0;
  std::uint64_t begun_ = 0;
  std::int32_t handle_ = 0;
};

}  // namespace holdfast::tds
