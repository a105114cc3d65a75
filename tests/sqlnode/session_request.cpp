#include <algorithm>
#include <array>

#include "tds/little.h"
#include "tds/rpc.h"
#include "tests/sqlnode/decode.h"
#include "tests/sqlnode/node.h"
#include "tests/sqlnode/session.h"

namespace holdfast::sqlnode {
namespace {

std::string isolation_name(std::uint8_t level) {
  constexpr std::array<const char*, 6> names = {
      "", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"};
  return names[std::min<std::size_t>(level, names.size() - 1) % names.size()];
}

// Isolation level and name of a transaction that begins (2.2.6.9).
std::string begin_payload(tds::LittleReader& in) {
  const std::uint8_t level = in.u8().value_or(0);
  in.b_varchar();
  return isolation_name(level);
}

}  // namespace

void Session::batch(Bytes payload, Reply& reply) {
  ++node_->counters.batches;
  engine_->batch(tds::to_utf8(payload), {}, false, reply, inbox_->cancelled());
}

void Session::transaction(Bytes payload, Reply& reply) {
  ++node_->counters.transactions;
  tds::LittleReader in(payload);
  const auto kind = static_cast<tds::TmKind>(in.u16().value_or(0xFFFF));
  if (kind == tds::TmKind::Begin) {
    engine_->begin(begin_payload(in), reply);
    return;
  }
  const std::string name = tds::to_utf8(in.b_varchar().value_or(Bytes{}));
  if (kind == tds::TmKind::Save) {
    engine_->save(name, reply);
    return;
  }
  if (kind != tds::TmKind::Commit && kind != tds::TmKind::Rollback) {
    reply.error({8501, 1, 16, "MSDTC on server '" + wire_.server + "' is unavailable.", "", 1});
    return;
  }
  const bool begins = (in.u8().value_or(0) & 1) != 0;
  if (kind == tds::TmKind::Commit)
    engine_->commit(reply);
  else
    engine_->rollback(name, reply);
  if (begins && !reply.failed()) engine_->begin(begin_payload(in), reply);
}

void Session::bulk(Bytes payload, Reply& reply) {
  ++node_->counters.bulks;
  const auto data = parse_bulk(payload, wire_.version);
  if (!data) {
    reply.error({4804, 1, 16, "The bulk load stream is not understood: " + data.error().text, "", 1});
    return;
  }
  engine_->bulk(data->columns, data->rows, reply);
}

}  // namespace holdfast::sqlnode
