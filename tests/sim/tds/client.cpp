#include <algorithm>

#include "tds/all_headers.h"
#include "tds/answer.h"
#include "tds/little.h"
#include "tds/login7.h"
#include "tds/rpc.h"
#include "tds/token_walk.h"
#include "tests/sim/tds/world.h"

namespace holdfast::tds::sim {

namespace {

constexpr std::uint32_t version = tds_version::v7_4;
constexpr std::size_t answer_max = 1 << 20;

// What one answer said.
struct Reading final : TokenSink {
  Verdict on_token(Token token, Bytes whole, std::string&) override {
    if (token == Token::Error) {
      if (const auto message = parse_server_message(whole, version)) error = message->number;
    } else if (token == Token::EnvChange) {
      if (const auto change = parse_env_change(whole)) {
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
};

std::string rpc_front(ProcId proc) {
  std::string out;
  LittleWriter(out).u16(0xffff).u16(static_cast<std::uint16_t>(proc)).u16(0);
  return out;
}

void add_int(std::string& out, std::optional<std::int32_t> value, bool output = false) {
  LittleWriter to(out);
  to.u8(0).u8(output ? 1 : 0);
  append_int_type(out);
  to.u8(value ? 4 : 0);
  if (value) to.u32(static_cast<std::uint32_t>(*value));
}

void add_text(std::string& out, const std::string& text) {
  const std::string utf16 = to_utf16(text);
  LittleWriter to(out);
  to.u8(0).u8(0);
  append_nvarchar_type(out, 8000);
  to.u16(static_cast<std::uint16_t>(utf16.size())).bytes(utf16);
}

}  // namespace

FakeClient::FakeClient(int id, Random& random, const Setting& setting,
                       std::map<std::uint64_t, std::pair<int, Fate>>& ledger, std::uint64_t& ids, std::string& failure)
    : id_(id), random_(random), setting_(setting), ledger_(ledger), ids_(ids), failure_(failure) {}

void FakeClient::fail(const std::string& why) {
  if (failure_.empty()) failure_ = "client " + std::to_string(id_) + ": " + why + " (" + request_.name + ")";
}

void FakeClient::connect() {
  connected = true;
  reader_ = std::make_unique<MessageReader>(answer_max);
  request_ = {};
  attention_ = transaction_ = bulk_ready_ = false;
  descriptor_ = 0;
  options_ = {};
  handles_.clear();
  open_.clear();
  sequence_ = 0;
}

std::uint64_t FakeClient::new_id() {
  const std::uint64_t id = ids_++;
  ledger_[id] = {id_, Fate::Pending};
  request_.writes.push_back(id);
  return id;
}

void FakeClient::send(PacketType type, const std::string& body, std::string& out, bool headers) {
  std::string payload;
  if (headers) append_all_headers(payload, setting_.follows_descriptor ? descriptor_ : 0);
  payload += body;
  std::uint8_t status = 0;
  // Not with what leans on the session as it was.
  if (headers && !transaction_ && request_.name != "execute" && request_.name != "unprepare" && random_.chance(3)) {
    status = packet_status::reset_connection;
    const auto isolation = options_.values.find("ISOLATION");
    const std::string kept = isolation == options_.values.end() ? "" : isolation->second;
    options_ = {};
    if (!kept.empty()) options_.values["ISOLATION"] = kept;
    handles_.clear();
    if (request_.name == "session") request_.expect = rows_tokens(options_.text(id_));
  }
  request_.live = true;
  std::string writes;
  for (const std::uint64_t id : request_.writes) writes += " " + std::to_string(id);
  note("client " + std::to_string(id_) + " asks: " + request_.name + writes +
       (status != 0 ? ", with a reset" : ""));
  const std::size_t size = random_.chance(50) ? setting_.client_size : 512;
  append_message(out, type, payload, size, status);
  if (request_.writes.size() == 1 && headers && random_.chance(2) && !request_.bulk_first) {
    // Taken back: IGNORE goes with the last packet.
    std::string cut;
    WholePackets packets;
    WholePacket packet;
    for (Bytes in = out; packets.next(in, packet).value_or(false);) {
      cut += packet.raw;
      if (packet.header.last()) cut[cut.size() - packet.raw.size() + 1] |= static_cast<char>(packet_status::ignore);
    }
    out = cut;
    request_.ignored = true;
  }
}

void FakeClient::send_batch(const std::string& text, std::string& out) {
  std::string padded = text;
  if (random_.chance(10)) padded += " -- " + std::string(random_.below(3000), 'x');
  send(PacketType::Batch, to_utf16(padded), out);
}

void FakeClient::make_transaction_step(std::string& out) {
  const bool text = random_.chance(40);
  request_.in_transaction = transaction_;
  std::string body;
  if (!transaction_) {
    request_.name = "begin";
    request_.begins = true;
    if (text) return send_batch("BEGIN TRAN", out);
    LittleWriter(body).u16(5).u8(0).u8(0);
  } else if (random_.chance(70)) {
    request_.name = "commit";
    request_.commits = true;
    if (text) return send_batch("COMMIT TRAN", out);
    LittleWriter(body).u16(7).u8(0).u8(0);
  } else {
    request_.name = "rollback";
    request_.rolls_back = true;
    if (text) return send_batch(random_.chance(50) ? "ROLLBACK" : "IF @@TRANCOUNT > 0 ROLLBACK TRAN", out);
    LittleWriter(body).u16(8).u8(0).u8(0);
  }
  send(PacketType::TransactionManager, body, out);
}

void FakeClient::make_prepared(std::string& out) {
  const std::uint64_t k = random_.below(200);
  const std::string read = "SELECT v FROM big WHERE k = @p", write = "INSERT INTO t VALUES (@p)";
  if (handles_.empty() || random_.chance(20)) {
    const bool writes = random_.chance(50), runs = random_.chance(50);
    request_.prepares = true;
    request_.prepare_text = writes ? write : read;
    request_.name = runs ? "prepexec" : "prepare";
    std::string body = rpc_front(runs ? ProcId::PrepExec : ProcId::Prepare);
    add_int(body, std::nullopt, true);
    add_text(body, "@p int");
    add_text(body, request_.prepare_text);
    if (!runs) add_int(body, 1);
    if (runs && writes) add_int(body, static_cast<std::int32_t>(new_id()));
    if (runs && !writes) add_int(body, static_cast<std::int32_t>(k)), request_.expect = rows_tokens(big_text(k));
    return send(PacketType::Rpc, body, out);
  }
  auto at = handles_.begin();
  std::advance(at, static_cast<long>(random_.below(handles_.size())));
  if (random_.chance(10)) {
    request_.name = "unprepare";
    request_.unprepares = at->first;
    std::string body = rpc_front(ProcId::Unprepare);
    add_int(body, at->first);
    return send(PacketType::Rpc, body, out);
  }
  request_.name = "execute";
  std::string body = rpc_front(ProcId::Execute);
  add_int(body, at->first);
  if (at->second == write) {
    add_int(body, static_cast<std::int32_t>(new_id()));
  } else {
    add_int(body, static_cast<std::int32_t>(k));
    request_.expect = rows_tokens(big_text(k));
    request_.read = true;
  }
  send(PacketType::Rpc, body, out);
}

void FakeClient::make_setting(std::string& out) {
  request_.name = "setting";
  const unsigned what = static_cast<unsigned>(random_.below(12));
  if (what < 4) {
    const std::string key = what % 2 == 0 ? "ARITHABORT" : "ANSI_NULLS", value = what < 2 ? "ON" : "OFF";
    request_.done = [=, this] { options_.values[key] = value; };
    return send_batch("SET " + key + " " + value, out);
  }
  if (what < 6) {
    const std::string value = std::to_string(1 + random_.below(7));
    request_.done = [=, this] { options_.values["DATEFIRST"] = value; };
    return send_batch("SET DATEFIRST " + value, out);
  }
  if (what < 8) {
    const std::string value = what == 6 ? "SERIALIZABLE" : "READ COMMITTED";
    request_.done = [=, this] { options_.values["ISOLATION"] = value; };
    return send_batch("SET TRANSACTION ISOLATION LEVEL " + value, out);
  }
  if (what < 11) {
    const std::string name = what == 8 ? "away" : "home";
    request_.done = [=, this] { options_.database = name; };
    return send_batch("USE " + name, out);
  }
  if (!options_.temporary.empty()) {
    request_.done = [this] { options_.temporary.erase("#a"); };
    return send_batch("DROP TABLE #a", out);
  }
  request_.done = [this] { options_.temporary.insert("#a"); };
  send_batch("CREATE TABLE #a (x int)", out);
}

void FakeClient::make(std::string& out) {
  request_ = {};
  request_.in_transaction = transaction_;
  if (bulk_ready_) {
    bulk_ready_ = false;
    request_.name = "bulk";
    request_.bulk = true;
    std::string body;
    for (std::size_t n = 1 + random_.below(300); n > 0; --n) LittleWriter(body).u64(new_id());
    return send(PacketType::Bulk, body, out, false);
  }
  const std::uint64_t dice = random_.below(100), k = random_.below(200);
  if (dice < 18) {
    request_.name = "read";
    request_.expect = rows_tokens(big_text(k));
    return send_batch("SELECT v FROM big WHERE k = " + number_text(k), out);
  }
  if (dice < 30) {
    request_.name = "session";
    request_.expect = rows_tokens(options_.text(id_));
    return send_batch("SELECT v FROM session", out);
  }
  if (dice < 45) {
    request_.name = "write";
    return send_batch("INSERT INTO t VALUES (" + number_text(new_id()) + ")", out);
  }
  if (dice < 50) {
    request_.name = "two writes";
    const std::string one = number_text(new_id()), two = number_text(new_id());
    return send_batch("INSERT INTO t VALUES (" + one + "); INSERT INTO t VALUES (" + two + ")", out);
  }
  if (dice < 65) return make_transaction_step(out);
  if (dice < 73) return make_setting(out);
  if (dice < 88) return make_prepared(out);
  if (dice < 91) {
    request_.name = "error";
    request_.fails = true;
    return send_batch("INSERT INTO bad VALUES (1)", out);
  }
  if (dice < 94) {
    request_.name = "bulk first";
    request_.bulk_first = true;
    return send_batch("INSERT BULK t (id bigint)", out);
  }
  if (dice < 97) {
    request_.name = "sql";
    request_.expect = rows_tokens(big_text(k));
    std::string body = rpc_front(ProcId::ExecuteSql);
    add_text(body, "SELECT v FROM big WHERE k = " + number_text(k));
    return send(PacketType::Rpc, body, out);
  }
  request_.name = "procedure";
  const std::string name = to_utf16("dbo.add_one");
  std::string body;
  LittleWriter(body).us_varchar(name).u16(0);
  add_int(body, static_cast<std::int32_t>(new_id()));
  send(PacketType::Rpc, body, out);
}

bool FakeClient::act(std::string& out) {
  if (!connected || attention_) return false;
  if (request_.live) {
    if (!random_.chance(1) || request_.ignored) return false;
    attention_ = true;
    append_message(out, PacketType::Attention, {}, 512);
    return true;
  }
  if (quiet && !transaction_ && !bulk_ready_) return false;
  make(out);
  return true;
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
  auto kinds = TokenWalk::kinds({Token::Error, Token::EnvChange, Token::SessionState, Token::ReturnValue, Token::Done,
                                 Token::DoneProc, Token::DoneInProc});
  TokenWalk walk(version, kinds, read);
  if (!walk.feed(payload, nullptr) || !walk.at_boundary()) return fail("an answer's tokens cannot be read");
  if (read.dones == 0 || (read.last.status & done_status::more) != 0) return fail("an answer without its end");
  for (const std::uint32_t sequence : read.sequences) {
    if (!setting_.client_asks) return fail("a session state that was not asked for");
    if (sequence <= sequence_) return fail("a session state of old");
    sequence_ = sequence;
  }
  const bool acknowledges = (read.last.status & done_status::attention) != 0;
  if (acknowledges && !attention_) return fail("an attention acknowledged that was not sent");
  if (!request_.live && !acknowledges) return fail("an answer to nothing");
  ++answers;
  note("client " + std::to_string(id_) + " is answered: " + request_.name + (acknowledges ? ", attention" : "") +
       (read.error != 0 ? ", error " + std::to_string(read.error) : ""));
  if (read.begun) descriptor_ = *read.begun, transaction_ = true;
  if (acknowledges) {
    attention_ = false;
    if (request_.live) {  // cancelled: it may have been done or not
      settle(Fate::Unknown);
      if (request_.commits || request_.rolls_back || request_.begins || request_.done || request_.prepares ||
          request_.unprepares != 0) {
        // What it did to the session is not known to the application: it starts anew.
        request_ = {};
        quiet_close = true;
      }
    }
    request_ = {};
    return;
  }
  const Request done = request_;
  if (read.error != 0 && (!done.fails || read.error != 208)) {
    if (read.error == answer_number::rolled_back) {
      ++rolled_back;
      settle(Fate::Nothing);
      if (transaction_ && read.ended.value_or(0) != descriptor_) return fail("1205 that does not end the transaction");
      transaction_ = false;
      descriptor_ = 0;
    } else if (read.error == answer_number::unknown_outcome) {
      ++unknown;
      settle(Fate::Unknown);
    } else if (read.error == answer_number::unavailable || read.error == answer_number::session_lost) {
      settle(Fate::Nothing);
    } else if (read.error == 3906) {  // a node that is no longer primary: parts may have been done before it
      settle(Fate::Unknown);
    } else {
      return fail("error " + std::to_string(read.error));
    }
    request_ = {};
    return;
  }
  if (done.ignored) {
    if ((read.last.status & done_status::error) == 0) return fail("a request that was taken back was answered well");
    for (const std::uint64_t id : request_.writes) ledger_[id].second = Fate::Nothing;
    request_ = {};
    return;
  }
  if (done.fails != ((read.last.status & done_status::error) != 0)) return fail("an error where none was due");
  if (!done.expect.empty() && payload.find(done.expect) == std::string::npos) {
    note("expected " + std::to_string(done.expect.size()) + " bytes: " + options_.text(id_));
    std::string got;
    for (const char c : payload.substr(0, 300))
      if (c >= ' ' && c <= '~') got.push_back(c);
    note("got " + got);
    return fail("rows that differ");
  }
  if (read.handle && done.prepares) {
    if (handles_.contains(*read.handle)) return fail("a handle that is in use");
    handles_[*read.handle] = done.prepare_text;
  }
  success();
  if (read.ended) {
    if (*read.ended != descriptor_) return fail("another transaction's end");
    descriptor_ = 0;
    transaction_ = false;
  }
  if ((done.commits || done.rolls_back) && transaction_) return fail("a transaction that does not end");
  if (done.begins && !transaction_) return fail("a transaction that does not begin");
  request_ = {};
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

// The connection ended. What was in flight may have been done; what was written in an open transaction was not, unless its
// COMMIT was in flight.
void FakeClient::closed(std::string_view) {
  if (!connected) return;
  connected = false;
  const bool live = request_.live;
  for (const std::uint64_t id : open_) ledger_[id].second = live && request_.commits ? Fate::Unknown : Fate::Nothing;
  open_.clear();
  if (live)
    for (const std::uint64_t id : request_.writes)
      ledger_[id].second = request_.in_transaction ? Fate::Nothing : Fate::Unknown;
  request_ = {};
  attention_ = false;
}

}  // namespace holdfast::tds::sim
