#include "tests/sqlnode/prepared.h"

#include <algorithm>
#include <array>

#include "tds/little.h"
#include "tests/sqlnode/decode.h"

namespace holdfast::sqlnode {
namespace {

std::string text_of(const std::vector<Parameter>& all, std::size_t i) {
  if (i >= all.size()) return {};
  const auto* text = std::get_if<std::string>(&all[i].value);
  return text == nullptr ? std::string() : *text;
}

std::int32_t handle_of(const std::vector<Parameter>& all) {
  if (all.empty()) return -1;
  const auto* number = std::get_if<std::int64_t>(&all[0].value);
  return number == nullptr ? -1 : static_cast<std::int32_t>(*number);
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return text;
}

// The engine's own procedures and the user's, by number too (there are none but cursors below 10).
bool is_cursor(const tds::RpcCall& call, const std::string& name) {
  return (call.proc >= tds::ProcId::Cursor && call.proc <= tds::ProcId::CursorClose) ||
         name.starts_with("sp_cursor");
}

void no_statement(std::int32_t handle, Reply& reply) {
  reply.error(
      {8179, 4, 16, "Could not find prepared statement with handle " + std::to_string(handle) + ".", "", 1});
}

Parameter handle_output(const std::vector<Parameter>& all, std::int32_t handle) {
  Parameter out;
  out.name = all.empty() ? std::string() : all[0].name;
  out.type = {Kind::Int, 4, 0, 0};
  out.value = std::int64_t{handle};
  out.output = true;
  return out;
}

}  // namespace

std::vector<std::string> declared_names(const std::string& declaration) {
  std::vector<std::string> names;
  int depth = 0;
  bool expected = true;
  for (std::size_t i = 0; i < declaration.size(); ++i) {
    const char c = declaration[i];
    if (c == '(') ++depth;
    if (c == ')') --depth;
    if (c == ',' && depth == 0) expected = true;
    if (c != '@' || !expected) continue;
    const std::size_t end = declaration.find_first_of(" \t\r\n,", i);
    names.push_back(declaration.substr(i, end == std::string::npos ? end : end - i));
    expected = false;
  }
  return names;
}

Status Prepared::run(Bytes payload, std::uint32_t version, Reply& reply, const std::atomic<bool>& cancelled) {
  const auto calls = tds::parse_rpc(payload, version);
  if (!calls) return std::unexpected(calls.error());
  for (const tds::RpcCall& each : *calls) {
    if (cancelled) break;
    call(each, payload, reply, cancelled);
    if (reply.fatal()) break;
  }
  return {};
}

void Prepared::call(const tds::RpcCall& call, Bytes payload, Reply& reply,
                    const std::atomic<bool>& cancelled) {
  reply.begin_call();
  Parameters all;
  names_.clear();
  for (const tds::RpcParameter& raw : call.parameters) {
    auto parameter = parameter_of(raw, payload);
    if (!parameter) {
      reply.error({8047, 1, 16, parameter.error().text, "", 1});
      return reply.end_call(names_, true);
    }
    names_.push_back(parameter->name);
    all.push_back(std::move(*parameter));
  }
  const std::string name = tds::to_utf8(call.name);
  if (call.proc == tds::ProcId::ExecuteSql)
    execute_sql(all, reply, cancelled);
  else if (call.proc == tds::ProcId::Prepare)
    prepare(all, reply);
  else if (call.proc == tds::ProcId::Execute)
    execute(all, reply, cancelled);
  else if (call.proc == tds::ProcId::PrepExec || call.proc == tds::ProcId::PrepExecRpc)
    prepare_and_execute(all, call.proc == tds::ProcId::PrepExecRpc, reply, cancelled);
  else if (call.proc == tds::ProcId::Unprepare)
    unprepare(all, reply);
  else if (is_cursor(call, lower(name)))
    reply.error({16945, 2, 16, "The cursor was not declared.", name, 1});
  else
    engine_->procedure(name, all, reply, cancelled);
  reply.end_call(names_, true);
}

void Prepared::run_statement(const Statement& statement, const Parameters& all, std::size_t from,
                             Reply& reply, const std::atomic<bool>& cancelled) {
  Parameters own;
  for (std::size_t i = from; i < all.size(); ++i) {
    own.push_back(all[i]);
    if (own.back().name.empty() && i - from < statement.names.size())
      own.back().name = names_[i] = statement.names[i - from];
  }
  if (statement.procedure.empty())
    engine_->batch(statement.text, own, true, reply, cancelled);
  else
    engine_->procedure(statement.procedure, own, reply, cancelled);
}

void Prepared::execute_sql(const Parameters& all, Reply& reply, const std::atomic<bool>& cancelled) {
  run_statement({text_of(all, 0), declared_names(text_of(all, 1)), {}}, all,
                std::min<std::size_t>(2, all.size()), reply, cancelled);
}

std::int32_t Prepared::keep(Statement statement) {
  const std::int32_t handle = next_++;
  statements_[handle] = std::move(statement);
  return handle;
}

void Prepared::prepare(const Parameters& all, Reply& reply) {
  const std::string declaration = text_of(all, 1), text = text_of(all, 2);
  Parameters declared;
  for (const std::string& name : declared_names(declaration)) declared.emplace_back().name = name;
  const std::vector<Column> columns = engine_->describe(text, declared);
  if (!columns.empty()) {
    reply.columns(columns);
    reply.done(false, 0, 0xC1);
  }
  reply.output(handle_output(all, keep({text, declared_names(declaration), {}})));
}

void Prepared::execute(const Parameters& all, Reply& reply, const std::atomic<bool>& cancelled) {
  const std::int32_t handle = handle_of(all);
  const auto found = statements_.find(handle);
  if (found == statements_.end()) return no_statement(handle, reply);
  run_statement(found->second, all, 1, reply, cancelled);
}

void Prepared::prepare_and_execute(const Parameters& all, bool procedure, Reply& reply,
                                   const std::atomic<bool>& cancelled) {
  Statement statement;
  if (procedure)
    statement.procedure = text_of(all, 1);
  else
    statement = {text_of(all, 2), declared_names(text_of(all, 1)), {}};
  statements_.erase(handle_of(all));  // a handle passed in is replaced
  const std::int32_t handle = keep(statement);
  run_statement(statement, all, std::min<std::size_t>(procedure ? 2 : 3, all.size()), reply, cancelled);
  reply.output(handle_output(all, handle));
}

void Prepared::unprepare(const Parameters& all, Reply& reply) {
  const std::int32_t handle = handle_of(all);
  if (statements_.erase(handle) == 0) no_statement(handle, reply);
}

}  // namespace holdfast::sqlnode
