#include "tds/all_headers.h"
#include "tds/little.h"
#include "tds/rpc.h"
#include "tests/sim/tds/world.h"

namespace holdfast::tds::sim {

namespace {

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
  if (headers && !transaction_ && request_.name != "execute" && request_.name != "unprepare" &&
      random_.chance(3)) {
    status = packet_status::reset_connection;
    reset_asked_ = true;
    const auto isolation = options_.values.find("ISOLATION");
    const std::string kept = isolation == options_.values.end() ? "" : isolation->second;
    options_ = {};
    if (!kept.empty()) options_.values["ISOLATION"] = kept;
    handles_.clear();
    if (request_.name == "session") request_.expect = rows_tokens(options_.text(id_, setting_));
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
      if (packet.header.last())
        cut[cut.size() - packet.raw.size() + 1] |= static_cast<char>(packet_status::ignore);
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
    only_reads_ = random_.chance(setting_.replay_transactions ? 60 : 10);
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
    if (runs && !writes)
      add_int(body, static_cast<std::int32_t>(k)), request_.expect = rows_tokens(big_text(k));
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

void FakeClient::make_read(std::string& out) {
  const std::uint64_t dice = random_.below(100), k = random_.below(200);
  if (dice < 40) {
    request_.name = "count";
    request_.counts = true;
    return send_batch("SELECT v FROM counted", out);
  }
  if (dice < 60) {
    request_.name = "session";
    request_.expect = rows_tokens(options_.text(id_, setting_));
    return send_batch("SELECT v FROM session", out);
  }
  request_.expect = rows_tokens(big_text(k));
  const std::string text = "SELECT v FROM big WHERE k = " + number_text(k);
  if (dice < 75) {
    request_.name = "read";
    return send_batch(text, out);
  }
  request_.name = "sql";
  std::string body = rpc_front(ProcId::ExecuteSql);
  add_text(body, text);
  send(PacketType::Rpc, body, out);
}

void FakeClient::make(std::string& out) {
  if (!transaction_) counted_.clear();
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
  if (quiet && transaction_) return make_transaction_step(out);
  const std::uint64_t dice = random_.below(100);
  if (dice < 30) return make_read(out);
  if (transaction_ && only_reads_ && random_.chance(80))
    return random_.chance(70) ? make_read(out) : make_prepared(out);
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

}  // namespace holdfast::tds::sim
