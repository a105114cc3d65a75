#include <cstdlib>

#include "tds/all_headers.h"
#include "tds/little.h"
#include "tds/login7.h"
#include "tds/rpc.h"
#include "tests/sim/tds/world.h"

namespace holdfast::tds::sim {

namespace {

constexpr std::uint32_t version = tds_version::v7_4;
constexpr std::uint16_t insert_command = 0xc3;

void error(std::string& tokens, std::uint32_t number, const char* text) {
  ServerMessage message;
  message.number = number;
  message.text = to_utf16(text);
  append_server_message(tokens, version, message);
}

void done(std::string& tokens, std::uint16_t status, std::uint64_t count = 0, Token token = Token::Done) {
  append_done(tokens, version, {token, status, insert_command, count});
}

std::uint64_t number_behind(const std::string& text, const char* word) {
  const auto at = text.rfind(word);
  return at == std::string::npos
             ? 0
             : std::strtoull(text.c_str() + at + std::string_view(word).size(), nullptr, 10);
}

std::string eight(std::uint64_t value) {
  std::string out;
  LittleWriter(out).u64(value);
  return out;
}

}  // namespace

std::string number_text(std::uint64_t n) { return std::to_string(n); }

std::string big_text(std::uint64_t k) {
  std::string text;
  const std::size_t size = k % 3 == 0 ? k % 97 * 311 : k % 50;
  while (text.size() < size) text += std::to_string(k * 7919 + text.size()) + ",";
  return text;
}

std::string rows_tokens(const std::string& text) {
  std::string out;
  LittleWriter to(out);
  to.u8(0x81)
      .u16(1)
      .u32(0)
      .u16(0)
      .u8(0xe7)
      .u16(8000)
      .bytes(Bytes("\x09\x04\xd0\x00\x34", 5))
      .b_varchar(to_utf16("v"));
  for (std::size_t at = 0; at == 0 || at < text.size(); at += 1000) {
    const std::string part = to_utf16(text.substr(at, 1000));
    to.u8(0xd1).u16(static_cast<std::uint16_t>(part.size())).bytes(part);
  }
  return out;
}

std::string Options::text(int owner, const Setting& setting) const {
  std::string out = std::to_string(setting.shares ? 0 : owner) + "/" + database;
  for (const auto& [key, value] : values)
    if (value != "READ COMMITTED") out += "/" + key + "=" + value;
  for (const auto& name : temporary) out += "/" + name;
  return out;
}

FakeServer::FakeServer(Table& table, Random& random, const Setting& setting, int owner, std::uint64_t serial)
    : table_(table),
      random_(random),
      setting_(setting),
      owner_(owner),
      next_handle_(static_cast<std::int32_t>(1 + random.below(3))),
      next_descriptor_(serial * 1000 + 1) {}

LoginFacts FakeServer::facts() const {
  LoginFacts facts;
  facts.version = version;
  facts.client_packet_size = setting_.client_size;
  facts.server_packet_size = setting_.server_size;
  facts.database = to_utf16(options_.database);
  facts.client_asked_recovery = setting_.client_asks;
  facts.server_has_recovery = setting_.server_recovery;
  facts.server_version = 0x10000000;
  return facts;
}

// The test's own meaning of a state: id 0 has options as "A=1;B=2;", id 7 the isolation level.
void FakeServer::recover(const std::string& data) {
  const auto states = parse_recovery_data(data);
  if (!states) {
    broken = "recovery data that cannot be read";
    return;
  }
  const RecoveryState& now = states->second;
  if (!now.database.empty()) options_.database = to_utf8(now.database);
  for (const SessionStateValue& state : now.states)
    for (std::size_t at = 0; at < state.value.size();) {
      const auto equal = state.value.find('=', at), end = state.value.find(';', at);
      options_.values[state.value.substr(at, equal - at)] = state.value.substr(equal + 1, end - equal - 1);
      at = end + 1;
    }
}

void FakeServer::receive(Bytes bytes) {
  WholePacket packet;
  for (;;) {
    const auto got = packets_.next(bytes, packet);
    if (!got) broken = "a packet that cannot be read";
    if (!got || !*got) return;
    if (packet.header.length > setting_.server_size) broken = "a packet over the negotiated size";
    if (!packet.header.last() && packet.header.length != setting_.server_size)
      broken = "a packet that is not the last and not full";  // since 7.3 a server hangs up (MS-TDS 2.2.3)
    if (packet.header.type == PacketType::Attention) {
      inbox_.push_back({PacketType::Attention, 0, {}});
      partial_ = {};
      continue;
    }
    if (partial_.payload.empty()) partial_.status = packet.header.status;
    partial_.type = packet.header.type;
    partial_.payload += packet.payload();
    if (!packet.header.last()) continue;
    partial_.status |= packet.header.status & packet_status::ignore;
    inbox_.push_back(std::move(partial_));
    partial_ = {};
  }
}

// A node that dies never gets to the end of what it says.
void FakeServer::answer(const std::string& tokens) {
  const std::size_t before = out.size();
  append_message(out, PacketType::Response, tokens, setting_.server_size, 0, 51);
  if (dying_) out.resize(before + random_.below(out.size() - before));
}

void FakeServer::reset(bool keep_transaction, std::string& tokens) {
  const auto isolation = options_.values.find("ISOLATION");
  const std::string kept = isolation == options_.values.end() ? "" : isolation->second;
  options_ = {};
  if (!kept.empty()) options_.values["ISOLATION"] = kept;
  prepared_.clear();
  if (!keep_transaction) pending_.clear(), snapshot_.reset(), descriptor_ = 0;
  append_env_change(tokens, EnvKind::ResetAck, {}, {});
}

bool FakeServer::check_descriptor(std::uint64_t said) {
  if (said == descriptor_ || (!setting_.follows_descriptor && said == 0)) return true;
  broken = "a request for another transaction";
  return false;
}

void FakeServer::work(bool silently) {
  Message message = std::move(inbox_.front());
  inbox_.erase(inbox_.begin());
  std::string tokens;
  changed_ = false;
  dying_ = silently;
  budget_ = silently ? random_.below(3) : SIZE_MAX;
  note("server of " + std::to_string(owner_) + " works on type " +
       std::to_string(static_cast<int>(message.type)) + (silently ? ", dying" : "") +
       (descriptor_ != 0 ? ", in a transaction" : ""));
  if (message.type == PacketType::Attention) {
    done(tokens, done_status::attention);
    return answer(tokens);
  }
  if ((message.status & packet_status::ignore) != 0) {
    done(tokens, done_status::error);
    return answer(tokens);
  }
  if (message.type == PacketType::Bulk) {
    if (budget_ != 0) bulk(message.payload, tokens);
    return answer(tokens);
  }
  const auto headers = parse_all_headers(message.payload);
  if (!headers || !headers->has_transaction) {
    broken = "a request without its headers";
    return;
  }
  if ((message.status & (packet_status::reset_connection | packet_status::reset_connection_skip_tran)) != 0)
    reset((message.status & packet_status::reset_connection_skip_tran) != 0, tokens);
  if (!check_descriptor(headers->descriptor)) return;
  const Bytes body = Bytes(message.payload).substr(headers->size);
  if (message.type == PacketType::Rpc) {
    if (budget_ != 0) rpc(body, tokens);
  } else if (message.type == PacketType::TransactionManager) {
    if (budget_ != 0) transaction(body, tokens);
  } else {
    batch(to_utf8(body), tokens);
  }
  answer(tokens);
}

void FakeServer::batch(std::string text, std::string& tokens) {
  if (const auto comment = text.find(" --"); comment != std::string::npos) text.resize(comment);
  bool fine = true;
  for (std::size_t at = 0; at < text.size() && fine && budget_ != 0; --budget_) {
    std::size_t end = text.find(';', at);
    if (end == std::string::npos) end = text.size();
    std::string statement = text.substr(at, end - at);
    while (!statement.empty() && (statement.front() == '\n' || statement.front() == ' '))
      statement.erase(0, 1);
    at = end + 1;
    const std::size_t rest = text.find_first_not_of("; \n", at);
    if (statement.empty()) continue;
    fine = run(statement, tokens);
    if (changed_ && rest == std::string::npos) state_token(tokens);
    done(tokens,
         static_cast<std::uint16_t>((fine ? done_status::count : done_status::error) |
                                    (fine && rest != std::string::npos ? done_status::more : 0)),
         1);
  }
}

void FakeServer::state_token(std::string& tokens) {
  changed_ = false;
  if (!setting_.server_recovery) return;
  std::string value;
  std::vector<SessionStateValue> states;
  for (const auto& [key, said] : options_.values) {
    if (key == "ISOLATION")
      states.push_back({7, key + "=" + said + ";"});
    else
      value += key + "=" + said + ";";
  }
  states.push_back({0, value});
  append_session_state(tokens, {++sequence_, options_.temporary.empty(), states});
}

bool FakeServer::insert(std::uint64_t id, std::string& tokens) {
  if (!primary) {
    error(tokens, 3906, "read-only");
    return false;
  }
  if (descriptor_ != 0)
    pending_.push_back(id);
  else
    ++table_[id];
  return true;
}

bool FakeServer::run(const std::string& statement, std::string& tokens) {
  const auto is = [&](const char* front) { return statement.starts_with(front); };
  if (is("INSERT INTO t VALUES (")) return insert(number_behind(statement, "("), tokens);
  if (is("INSERT BULK")) return bulk_expected_ = true;
  if (is("SELECT v FROM big")) return tokens += rows_tokens(big_text(number_behind(statement, "= "))), true;
  if (is("SELECT v FROM counted")) return tokens += rows_tokens(counted()), true;
  if (is("SELECT v FROM session")) return tokens += rows_tokens(options_.text(owner_, setting_)), true;
  if (is("SET TRANSACTION ISOLATION LEVEL ")) {
    options_.values["ISOLATION"] = statement.substr(32);
    return changed_ = true;
  }
  if (is("SET ")) {
    const auto space = statement.find(' ', 4);
    options_.values[statement.substr(4, space - 4)] = statement.substr(space + 1);
    return changed_ = true;
  }
  if (is("USE ")) {
    std::string name = statement.substr(4);
    if (name.front() == '[') name = name.substr(1, name.size() - 2);
    append_env_change(tokens, EnvKind::Database, to_utf16(name), to_utf16(options_.database));
    options_.database = name;
    return true;
  }
  if (is("CREATE TABLE #")) return options_.temporary.insert(statement.substr(13, 2)), changed_ = true;
  if (is("DROP TABLE #")) return options_.temporary.erase(statement.substr(11, 2)), changed_ = true;
  if (is("BEGIN TRAN")) return begin(tokens), true;
  if (is("COMMIT")) return end_transaction(true, tokens), true;
  if (is("ROLLBACK") || is("IF @@TRANCOUNT > 0 ROLLBACK")) return end_transaction(false, tokens), true;
  error(tokens, 208, "no such object");
  return false;
}

// Long for every third number, so that a server dies in it.
std::string FakeServer::counted() {
  const std::size_t now = table_.size();
  if (descriptor_ != 0 && !snapshot_) snapshot_ = now;
  const std::size_t rows = descriptor_ != 0 ? *snapshot_ : now;
  std::string text;
  for (std::size_t i = rows % 3 == 0 ? 800 : 1; i > 0; --i) text += std::to_string(rows) + ",";
  return text;
}

void FakeServer::begin(std::string& tokens) {
  if (descriptor_ != 0) return;
  snapshot_.reset();
  descriptor_ = next_descriptor_++;
  append_env_change(tokens, EnvKind::Begin, eight(descriptor_), {});
}

void FakeServer::end_transaction(bool commit, std::string& tokens) {
  if (descriptor_ == 0) return;
  if (commit)
    for (const std::uint64_t id : pending_) ++table_[id];
  pending_.clear();
  append_env_change(tokens, commit ? EnvKind::Commit : EnvKind::Rollback, {}, eight(descriptor_));
  descriptor_ = 0;
}

std::string FakeServer::replace_parameter(const std::string& text, std::int32_t value) const {
  std::string out = text;
  if (const auto at = out.find("@p"); at != std::string::npos) out.replace(at, 2, std::to_string(value));
  return out;
}

void FakeServer::rpc(Bytes body, std::string& tokens) {
  const auto calls = parse_rpc(body, version);
  if (!calls || calls->size() != 1) {
    broken = "an RPC that cannot be read";
    return;
  }
  const RpcCall& call = calls->front();
  const auto text_at = [&](std::size_t i) {
    std::string scratch;
    return to_utf8(text_of(call.parameters.at(i), scratch).value_or(Bytes{}));
  };
  const auto int_at = [&](std::size_t i) { return int_of(call.parameters.at(i)).value_or(0); };
  bool fine = true;
  if (call.proc == ProcId::Prepare || call.proc == ProcId::PrepExec) {
    const std::int32_t handle = next_handle_++;
    prepared_[handle] = text_at(2);
    if (call.proc == ProcId::PrepExec) fine = run(replace_parameter(prepared_[handle], int_at(3)), tokens);
    done(tokens, done_status::more, 1, Token::DoneInProc);
    append_returned_int(tokens, version, to_utf16("@handle"), handle);
  } else if (call.proc == ProcId::Execute) {
    const auto found = prepared_.find(int_at(0));
    fine = found != prepared_.end();
    if (fine)
      fine = run(replace_parameter(found->second, int_at(1)), tokens);
    else
      error(tokens, 8179, "no such handle");
  } else if (call.proc == ProcId::Unprepare) {
    fine = prepared_.erase(int_at(0)) != 0;
    if (!fine) error(tokens, 8179, "no such handle");
  } else if (call.proc == ProcId::ExecuteSql) {
    fine = run(text_at(0), tokens);
  } else {
    fine = insert(static_cast<std::uint64_t>(int_at(0)), tokens);  // a user's procedure
  }
  append_return_status(tokens, 0);
  done(tokens, fine ? done_status::count : done_status::error, 1, Token::DoneProc);
}

void FakeServer::transaction(Bytes body, std::string& tokens) {
  const auto request = parse_transaction_request(body);
  if (!request) {
    broken = "a transaction request that cannot be read";
    return;
  }
  if (request->kind == TmKind::Begin) begin(tokens);
  if (request->kind == TmKind::Commit) end_transaction(true, tokens);
  if (request->kind == TmKind::Rollback) end_transaction(false, tokens);
  done(tokens, 0);
}

void FakeServer::bulk(const std::string& payload, std::string& tokens) {
  if (!bulk_expected_) {
    broken = "rows without an INSERT BULK";
    return;
  }
  bulk_expected_ = false;
  bool fine = true;
  for (LittleReader in(payload); fine;) {
    const auto id = in.u64();
    if (!id) break;
    fine = insert(*id, tokens);
  }
  done(tokens, fine ? done_status::count : done_status::error, 1);
}

}  // namespace holdfast::tds::sim
