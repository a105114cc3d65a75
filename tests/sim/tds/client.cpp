#include <algorithm>
#include <utility>

#include "tds/answer.h"
#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token_walk.h"
#include "tests/sim/tds/world.h"

namespace holdfast::tds::sim {

namespace {

constexpr std::uint32_t version = tds_version::v7_4;
constexpr std::uint32_t error_wanted = 208, error_of_secondary = 3906;
constexpr std::size_t answer_max = 1 << 20;

}  // namespace

// What one answer said.
struct Reading final : TokenSink {
  Verdict on_token(Token token, Bytes whole, std::string&) override {
    if (token == Token::Error) {
      if (const auto message = parse_server_message(whole, version)) error = message->number;
    } else if (token == Token::EnvChange) {
      if (const auto change = parse_env_change(whole)) {
        reset |= change->kind == EnvKind::ResetAck;
        if (change->kind == EnvKind::Begin) begun = LittleReader(change->new_value).u64();
        if (change->kind == EnvKind::Commit || change->kind == EnvKind::Rollback)
          ended = LittleReader(change->old_value).u64();
      }
    } else if (token == Token::SessionState) {
      if (const auto state = parse_session_state(whole)) sequences.push_back(state->sequence);
    } else if (token == Token::ReturnValue) {
      if (const auto value = parse_returned_int(whole, version)) handle = value->value;
    } else if (const auto d = parse_done(whole, version)) {
      last = *d;
      ++dones;
    }
    return Verdict::Pass;
  }
  std::uint32_t error = 0;
  std::optional<std::uint64_t> begun, ended;
  std::vector<std::uint32_t> sequences;
  std::optional<std::int32_t> handle;
  Done last;
  unsigned dones = 0;
  bool reset = false;
};

FakeClient::FakeClient(int id, Random& random, const Setting& setting,
                       std::map<std::uint64_t, std::pair<int, Fate>>& ledger, std::uint64_t& ids,
                       std::string& failure)
    : id_(id), random_(random), setting_(setting), ledger_(ledger), ids_(ids), failure_(failure) {}

void FakeClient::fail(const std::string& why) {
  if (failure_.empty()) failure_ = "client " + std::to_string(id_) + ": " + why + " (" + request_.name + ")";
}

void FakeClient::connect() {
  connected = true;
  reader_ = std::make_unique<MessageReader>(answer_max);
  request_ = {};
  attention_ = transaction_ = bulk_ready_ = reset_asked_ = false;
  descriptor_ = 0;
  options_ = {};
  handles_.clear();
  open_.clear();
  sequence_ = 0;
}

void FakeClient::settle(Fate fate) {
  for (const std::uint64_t id : request_.writes) ledger_[id].second = fate;
  if (request_.commits || fate == Fate::Nothing) {
    if (!request_.commits && !request_.in_transaction) return;
    for (const std::uint64_t id : open_) ledger_[id].second = fate;
    open_.clear();
  }
}

void FakeClient::receive(Bytes bytes) {
  if (!connected) return;
  for (;;) {
    const auto got = reader_->next(bytes);
    if (!got) return fail("an answer's packets cannot be read");
    if (!*got) return;
    if (reader_->type() != PacketType::Response) return fail("a packet that is no answer");
    message(reader_->take_payload());
    if (!failure_.empty() || !connected) return;
  }
}

void FakeClient::message(const std::string& payload) {
  Reading read;
  auto kinds = TokenWalk::kinds({Token::Error, Token::EnvChange, Token::SessionState, Token::ReturnValue,
                                 Token::Done, Token::DoneProc, Token::DoneInProc});
  TokenWalk walk(version, kinds, read);
  if (!walk.feed(payload, nullptr) || !walk.at_boundary()) return fail("an answer's tokens cannot be read");
  if (read.dones == 0 || (read.last.status & done_status::more) != 0)
    return fail("an answer without its end");
  for (const std::uint32_t sequence : read.sequences) {
    if (!setting_.client_asks) return fail("a session state that was not asked for");
    if (sequence <= sequence_) return fail("a session state of old");
    sequence_ = sequence;
  }
  if (read.reset && !std::exchange(reset_asked_, false))
    return fail("a reset acknowledged that was not asked for");
  const bool acknowledges = (read.last.status & done_status::attention) != 0;
  if (acknowledges && !attention_) return fail("an attention acknowledged that was not sent");
  if (!request_.live && !acknowledges) return fail("an answer to nothing");
  ++answers;
  note("client " + std::to_string(id_) + " is answered: " + request_.name +
       (acknowledges ? ", attention" : "") +
       (read.error != 0 ? ", error " + std::to_string(read.error) : ""));
  if (read.begun) descriptor_ = *read.begun, transaction_ = true;
  if (acknowledges)
    cancelled();
  else if (read.error != 0 && (!request_.fails || read.error != error_wanted))
    refused(read);
  else
    answered(read, payload);
  request_ = {};
}

// It may have been done or not. Where it was to change the session, the application gives the connection up.
void FakeClient::cancelled() {
  attention_ = false;
  if (!request_.live) return;
  settle(Fate::Unknown);
  quiet_close = quiet_close || request_.commits || request_.rolls_back || request_.begins || request_.done ||
                request_.prepares || request_.unprepares != 0;
}

void FakeClient::refused(const Reading& read) {
  switch (read.error) {
    case answer_number::rolled_back:
      ++rolled_back;
      settle(Fate::Nothing);
      if (transaction_ && read.ended.value_or(0) != descriptor_)
        return fail("1205 that does not end the transaction");
      transaction_ = false;
      descriptor_ = 0;
      return;
    case answer_number::unknown_outcome: ++unknown; [[fallthrough]];
    case error_of_secondary: return settle(Fate::Unknown);  // parts may have been done before it
    case answer_number::unavailable:
    case answer_number::session_lost: return settle(Fate::Nothing);
    default: fail("error " + std::to_string(read.error));
  }
}

void FakeClient::answered(const Reading& read, const std::string& payload) {
  const bool failed = (read.last.status & done_status::error) != 0;
  if (request_.ignored) {
    if (!failed) return fail("a request that was taken back was answered well");
    for (const std::uint64_t id : request_.writes) ledger_[id].second = Fate::Nothing;
    return;
  }
  if (request_.fails != failed) return fail("an error where none was due");
  if (!request_.expect.empty() && payload.find(request_.expect) == std::string::npos) {
    std::string got;
    for (const char c : payload.substr(0, 300))
      if (c >= ' ' && c <= '~') got.push_back(c);
    note("expected " + options_.text(id_, setting_) + ", got " + got);
    return fail("rows that differ");
  }
  if (request_.counts && transaction_) {
    if (counted_.empty()) counted_ = payload;
    if (counted_ != payload) return fail("two reads of one transaction that differ");
  }
  if (read.handle && request_.prepares) {
    if (handles_.contains(*read.handle)) return fail("a handle that is in use");
    handles_[*read.handle] = request_.prepare_text;
  }
  success();
  if (read.ended) {
    if (*read.ended != descriptor_) return fail("another transaction's end");
    descriptor_ = 0;
    transaction_ = false;
  }
  if ((request_.commits || request_.rolls_back) && transaction_) fail("a transaction that does not end");
  if (request_.begins && !transaction_) fail("a transaction that does not begin");
}

void FakeClient::success() {
  if (request_.done) request_.done();
  if (request_.unprepares != 0) handles_.erase(request_.unprepares);
  if (request_.bulk_first) bulk_ready_ = true;
  if (request_.commits) {
    for (const std::uint64_t id : open_) ledger_[id].second = Fate::Acknowledged;
    open_.clear();
  } else if (request_.rolls_back) {
    for (const std::uint64_t id : open_) ledger_[id].second = Fate::Nothing;
    open_.clear();
  } else if (request_.in_transaction) {
    open_.insert(open_.end(), request_.writes.begin(), request_.writes.end());
  } else {
    settle(Fate::Acknowledged);
  }
}

// The connection ended. What was in flight may have been done; what was written in an open transaction was
// not, unless its COMMIT was in flight.
void FakeClient::closed(std::string_view) {
  if (!connected) return;
  connected = false;
  const bool live = request_.live;
  for (const std::uint64_t id : open_)
    ledger_[id].second = live && request_.commits ? Fate::Unknown : Fate::Nothing;
  open_.clear();
  if (live)
    for (const std::uint64_t id : request_.writes)
      ledger_[id].second = request_.in_transaction ? Fate::Nothing : Fate::Unknown;
  request_ = {};
  attention_ = false;
}

}  // namespace holdfast::tds::sim
