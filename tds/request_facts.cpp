#include "tds/request_facts.h"

#include <algorithm>
#include <array>

#include "tds/all_headers.h"
#include "tds/little.h"
#include "tds/login7.h"
#include "tds/rpc.h"
#include "tds/rpc_front.h"
#include "tds/text_memory.h"

namespace holdfast::tds {

namespace {

StatementFacts facts_of_anything() {
  StatementFacts facts;
  facts.may_end_transaction = facts.may_begin_transaction = facts.commits = facts.calls = true;
  return facts;
}

StatementFacts facts_of_nothing() {
  StatementFacts facts;
  facts.read_only = facts.plain = facts.deterministic = true;
  return facts;
}

void unite(StatementFacts& into, const StatementFacts& more) {
  into.read_only &= more.read_only;
  into.plain &= more.plain;
  into.deterministic &= more.deterministic;
  into.may_end_transaction |= more.may_end_transaction;
  into.may_begin_transaction |= more.may_begin_transaction;
  into.commits |= more.commits;
  into.calls |= more.calls;
  into.uses_identity |= more.uses_identity;
  into.changes_database |= more.changes_database;
  into.leaves |= more.leaves;
  into.settings.insert(into.settings.end(), more.settings.begin(), more.settings.end());
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  append(into.makes_temporary, more.makes_temporary);
  append(into.drops_temporary, more.drops_temporary);
}

// The first text that has something to show is the request's.
void note_text(const TextRef& text, RequestFacts& facts) {
  if (!facts.text || (facts.text->digest.hash == 0 && facts.text->own_text.empty())) facts.text = text;
}

void read_batch(Bytes text, bool whole, TextMemory& texts, RequestFacts& facts) {
  if (!whole) {
    facts.text = texts.begin(text);
    facts.own_statement = facts_of_anything();
    facts.own_statement.leaves = static_cast<UnrecoverableSet>(Unrecoverable::UnknownSetting);
    return;
  }
  facts.text = texts.read(text, false);
  facts.of_text = true;
  const TextFacts& said = *facts.text;
  facts.asks_previous = said.asks_previous;
  facts.single = said.single;
  facts.rolls_back = said.rolls_back;
  facts.begins = said.begins;
  facts.announces_rows = said.announces_rows;
  facts.repeatable = said.repeatable;
}

// Where a handle stands in a call: always its first parameter.
void note_handle(const RpcCall& call, std::size_t front, RequestFacts& facts) {
  if (call.parameters.empty()) return;
  const RpcParameter& first = call.parameters.front();
  const auto handle = int_of(first);
  if (handle) facts.handles.push_back({front + first.value_at, *handle});
}

std::optional<Bytes> text_at(const RpcCall& call, std::size_t i, std::string& scratch) {
  return i < call.parameters.size() ? text_of(call.parameters[i], scratch) : std::nullopt;
}

// sp_prepare and sp_prepexec: handle, declaration, statement.
StatementFacts read_prepare(const RpcCall& call, TextMemory& texts, RequestFacts& facts) {
  std::string declaration, text;
  const auto declared = text_at(call, 1, declaration);
  const auto said = text_at(call, 2, text);
  if (!said) return facts_of_anything();
  facts.prepares.push_back({facts.calls, std::string(declared.value_or(Bytes{})), std::string(*said)});
  const TextRef known = texts.read(*said, true);
  note_text(known, facts);
  if (call.proc == ProcId::Prepare) return facts_of_nothing();
  facts.single = known->single;
  return known->statement;
}

StatementFacts read_execute(const RpcCall& call, Prepared& prepared, TextMemory& texts, RequestFacts& facts) {
  const auto handle = call.parameters.empty() ? std::nullopt : int_of(call.parameters.front());
  const PreparedStatement* statement = handle ? prepared.find(*handle) : nullptr;
  if (statement == nullptr) return facts_of_anything();
  const TextRef known = texts.read(statement->text, true);
  note_text(known, facts);
  facts.single = known->single;
  return known->statement;
}

StatementFacts read_sql(const RpcCall& call, TextMemory& texts, RequestFacts& facts) {
  std::string scratch;
  const auto text = text_at(call, 0, scratch);
  if (!text) return facts_of_anything();
  const TextRef known = texts.read(*text, true);
  note_text(known, facts);
  facts.single = known->single;
  facts.asks_previous |= known->asks_previous;
  return known->statement;
}

StatementFacts read_cursor(const RpcCall& call, RequestFacts& facts) {
  StatementFacts cursor = facts_of_anything();
  const auto opens = {ProcId::CursorOpen, ProcId::CursorPrepare, ProcId::CursorExecute,
                      ProcId::CursorPrepExec, ProcId::PrepExecRpc};
  if (std::find(opens.begin(), opens.end(), call.proc) != opens.end()) ++facts.cursors;
  if (call.proc == ProcId::CursorClose || call.proc == ProcId::CursorUnprepare) --facts.cursors;
  return cursor;
}

StatementFacts read_call(const RpcCall& call, std::size_t front, Prepared& prepared, TextMemory& texts,
                         RequestFacts& facts) {
  switch (call.proc) {
    case ProcId::ExecuteSql: return read_sql(call, texts, facts);
    case ProcId::Prepare: return read_prepare(call, texts, facts);
    case ProcId::PrepExec: note_handle(call, front, facts); return read_prepare(call, texts, facts);
    case ProcId::Execute: note_handle(call, front, facts); return read_execute(call, prepared, texts, facts);
    case ProcId::Unprepare:
      note_handle(call, front, facts);
      if (!call.parameters.empty())
        if (const auto handle = int_of(call.parameters.front())) facts.unprepares.push_back(*handle);
      return facts_of_nothing();
    case ProcId::None:
      note_text(texts.read(to_utf16("EXEC ") + std::string(call.name), true), facts);
      return facts_of_procedure(call.name);
    default: return read_cursor(call, facts);
  }
}

void read_rpc(Bytes body, std::size_t front, bool whole, std::uint32_t version, Prepared& prepared,
              TextMemory& texts, RequestFacts& facts) {
  const auto calls = whole ? parse_rpc(body, version) : parse_rpc_front(body, version);
  if (!calls) {
    facts.own_statement = facts_of_anything();
    facts.own_statement.leaves = static_cast<UnrecoverableSet>(Unrecoverable::TooManyHandles);
    return;
  }
  facts.own_statement = facts_of_nothing();
  for (const RpcCall& call : *calls) {
    unite(facts.own_statement, read_call(call, front, prepared, texts, facts));
    ++facts.calls;
  }
  facts.only_unprepares = facts.calls != 0 && facts.unprepares.size() == facts.calls;
  facts.single &= facts.calls == 1;
  facts.repeatable = facts.own_statement.read_only;
}

void read_transaction_request(Bytes body, RequestFacts& facts) {
  facts.transaction_manager = true;
  facts.own_statement = facts_of_anything();
  const auto request = parse_transaction_request(body);
  if (!request) return;
  StatementFacts& said = facts.own_statement;
  said.commits = request->kind == TmKind::Commit;
  said.may_end_transaction = request->kind == TmKind::Commit || request->kind == TmKind::Rollback;
  said.may_begin_transaction = request->begins;
  facts.begins = request->kind == TmKind::Begin;
  facts.begins_anew = request->begins && !facts.begins;
  facts.isolation = request->isolation;
  // It stays the session's when the transaction has ended (2.2.6.9).
  static constexpr std::array<std::string_view, 6> levels = {
      "", "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE", "SNAPSHOT"};
  if (request->isolation != 0 && request->isolation < levels.size()) {
    const std::string key = "TRANSACTION ISOLATION LEVEL";
    said.settings.push_back({key, "SET " + key + " " + std::string(levels[request->isolation])});
  }
  // A name may be a savepoint's: then the transaction goes on (2.2.6.9.7).
  const bool named = body.size() > 2 && body[2] != 0;
  facts.rolls_back = request->kind == TmKind::Rollback && !named && !request->begins;
  facts.distributed = request->kind == TmKind::Propagate || request->kind == TmKind::Promote;
  facts.repeatable = facts.begins || facts.rolls_back || request->kind == TmKind::GetDtcAddress;
}

}  // namespace

void RequestFacts::clear() {
  text.reset();
  if (!of_text) own_statement = {};
  static_cast<RequestTraits&>(*this) = {};
  if (!handles.empty()) handles.clear();
  if (!prepares.empty()) prepares.clear();
  if (!unprepares.empty()) unprepares.clear();
}

void read_request(PacketType type, Bytes payload, bool whole, std::uint32_t version, Prepared& prepared,
                  TextMemory& texts, RequestFacts& facts) {
  std::size_t front = 0;
  const bool headers = tds_version::has_all_headers(version) && type != PacketType::Bulk;
  if (headers) {
    const auto read = parse_all_headers(payload);
    if (!read) {
      facts.own_statement = facts_of_anything();
      facts.own_statement.leaves = static_cast<UnrecoverableSet>(Unrecoverable::UnknownSetting);
      return;
    }
    front = read->size;
    facts.has_descriptor = read->has_transaction;
    facts.descriptor = read->descriptor;
    facts.descriptor_at = read->descriptor_at;
  }
  const Bytes body = payload.substr(front);
  switch (type) {
    case PacketType::Batch: return read_batch(body, whole, texts, facts);
    case PacketType::Rpc: return read_rpc(body, front, whole, version, prepared, texts, facts);
    case PacketType::TransactionManager: return read_transaction_request(body, facts);
    default:
      facts.bulk = type == PacketType::Bulk;
      facts.own_statement = facts_of_anything();
      facts.own_statement.commits = facts.own_statement.may_end_transaction = !facts.bulk;
  }
}

}  // namespace holdfast::tds
