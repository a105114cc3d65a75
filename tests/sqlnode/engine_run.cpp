// Control of flow, variables and messages.
#include <time.h>

#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_dates.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

Flow Interpreter::run(const Batch& statements) {
  for (const StatementPtr& statement : statements) {
    Flow flow = run_one(*statement);
    if (flow != Flow::Next) return flow;
  }
  return Flow::Next;
}

Flow Interpreter::run_one(Statement& statement) {
  check_cancelled();
  try {
    return dispatch(statement);
  } catch (SqlError& error) {
    if (cancelled_ != nullptr && cancelled_->load()) throw Cancelled{};
    return failed(std::move(error), statement);
  }
}

Flow Interpreter::dispatch(Statement& statement) {
  implicit(statement);
  switch (statement.what) {
    case Do::Query: run_query(statement); break;
    case Do::Insert:
    case Do::Update:
    case Do::Delete: run_dml(statement); break;
    case Do::Declare: run_declare(statement); break;
    case Do::SetVariable: set_variable(statement.text, eval(*statement.exprs[0])); break;
    case Do::SetOption: set_option(statement); break;
    case Do::If: return test(*statement.exprs[0]) ? run(statement.body) : run(statement.otherwise);
    case Do::While: return run_while(statement);
    case Do::Block: return run(statement.body);
    case Do::Break: return Flow::Break;
    case Do::Continue: return Flow::Continue;
    case Do::Return:
      if (!statement.exprs.empty()) {
        frames_.back().status =
            std::get<std::int64_t>(convert(eval(*statement.exprs[0]), make_type(Kind::Int)));
      }
      return Flow::Return;
    case Do::Print: run_print(statement); break;
    case Do::Raiserror:
    case Do::Throw: run_raise(statement); break;
    case Do::Try: return run_try(statement);
    case Do::Use:
      use(statement.text);
      done_plain();
      break;
    case Do::Begin:
      begin_transaction(false);
      done_plain();
      break;
    case Do::Commit:
      commit_transaction();
      done_plain();
      break;
    case Do::Rollback:
    case Do::Save: {
      std::string name = statement.exprs.empty() ? statement.text : text_of(eval(*statement.exprs[0]));
      if (statement.what == Do::Save)
        save_point(name);
      else
        rollback_to(name);
      done_plain();
      break;
    }
    case Do::Waitfor: run_wait(statement); break;
    case Do::Exec: run_exec(statement); break;
    case Do::ExecText: {
      std::vector<Parameter> none;
      execute_text(text_of(eval(*statement.exprs[0])), none);
      break;
    }
    case Do::InsertBulk:
      bulk_table_ = statement.path;
      bulk_columns_.clear();
      for (const ColumnDef& column : statement.columns) bulk_columns_.push_back(column.name);
      done_plain();
      break;
    case Do::Goto:
    case Do::Label:
    case Do::Nothing: done_plain(); break;
    default: run_ddl(statement); break;
  }
  return Flow::Next;
}

Flow Interpreter::run_while(Statement& statement) {
  while (test(*statement.exprs[0])) {
    check_cancelled();
    Flow flow = run(statement.body);
    if (flow == Flow::Break) break;
    if (flow == Flow::Return || flow == Flow::Abort) return flow;
  }
  return Flow::Next;
}

Flow Interpreter::run_try(Statement& statement) {
  std::size_t frames = frames_.size();
  int depth = depth_;
  ++try_depth_;
  try {
    Flow flow = run(statement.body);
    --try_depth_;
    return flow;
  } catch (const SqlError& error) {
    --try_depth_;
    depth_ = depth;
    while (frames_.size() > frames) {
      drop_tables(frames_.back());
      frames_.pop_back();
    }
    if (option("XACT_ABORT") && transactions_ > 0) doomed_ = true;
    std::optional<SqlError> before = std::exchange(caught_, error);
    sink_->done(false, 0, 0);
    Flow flow = run(statement.otherwise);
    caught_ = before;
    return flow;
  } catch (...) {
    --try_depth_;
    throw;
  }
}

void Interpreter::run_raise(Statement& statement) {
  SqlError error;
  if (statement.what == Do::Throw) {
    if (statement.exprs.empty()) {
      if (!caught_)
        fail(10704, "To rethrow an error, a THROW statement must be used inside a CATCH block.", 15, true);
      throw *caught_;
    }
    error.message.number = static_cast<std::uint32_t>(std::atoi(text_of(eval(*statement.exprs[0])).c_str()));
    error.message.text = text_of(eval(*statement.exprs[1]));
    error.message.state = static_cast<std::uint8_t>(std::atoi(text_of(eval(*statement.exprs[2])).c_str()));
    error.fatal = true;
    throw error;
  }
  Value first = eval(*statement.exprs[0]);
  bool numbered = std::holds_alternative<std::int64_t>(first);
  error.message.number = numbered ? static_cast<std::uint32_t>(std::get<std::int64_t>(first)) : 50000;
  std::string format = numbered
                           ? "Error " + text_of(first) + ", severity " + text_of(eval(*statement.exprs[1]))
                           : text_of(first);
  error.message.severity = static_cast<std::uint8_t>(std::atoi(text_of(eval(*statement.exprs[1])).c_str()));
  error.message.state = static_cast<std::uint8_t>(std::atoi(text_of(eval(*statement.exprs[2])).c_str()));
  error.message.line = statement.line;
  std::size_t next = 3;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      error.message.text += format[i];
      continue;
    }
    char kind = format[++i];
    if (kind == '%')
      error.message.text += '%';
    else if (next < statement.exprs.size())
      error.message.text += text_of(eval(*statement.exprs[next++]));
  }
  if (error.message.severity > 10) throw error;
  if (error.message.severity == 10) error.message.severity = 0;
  sink_->info(error.message);
  done_plain();
}

void Interpreter::run_print(Statement& statement) {
  Message message;
  message.severity = 0;
  message.line = statement.line;
  message.procedure = frames_.back().procedure;
  Type type;
  Value value = eval(*statement.exprs[0], &type);
  message.text = text_of(convert(value, make_type(Kind::NVarChar, 4000)));
  sink_->info(message);
  done_plain();
}

void Interpreter::run_wait(Statement& statement) {
  Moment delay;
  if (!parse_moment(text_of(eval(*statement.exprs[0])), delay))
    fail(148, "Incorrect time syntax in time string used with WAITFOR.", 15);
  for (std::int64_t left_ms = delay.ticks / 10'000; left_ms > 0;) {
    check_cancelled();
    std::int64_t slice = std::min<std::int64_t>(left_ms, 5);
    timespec pause{0, static_cast<long>(slice * 1'000'000)};
    ::nanosleep(&pause, nullptr);
    left_ms -= slice;
  }
  done_plain();
}

void Interpreter::run_declare(Statement& statement) {
  for (const ParameterDef& variable : statement.parameters) {
    Variable& made = frames_.back().variables[variable.name];
    made.type = variable.type;
    made.value = variable.fallback != nullptr ? convert(eval(*variable.fallback), variable.type) : Value();
  }
}

void Interpreter::set_variable(const std::string& name, const Value& value) {
  auto found = frames_.back().variables.find(name);
  if (found == frames_.back().variables.end())
    fail(137, "Must declare the scalar variable \"" + name + "\".", 15, true);
  found->second.value = convert(value, found->second.type);
}

Type Interpreter::variable_type(const std::string& name) { return variable(name).type; }

Interpreter::Variable Interpreter::variable(const std::string& name) {
  if (name.starts_with("@@")) return global(name);
  auto found = frames_.back().variables.find(name);
  if (found == frames_.back().variables.end())
    fail(137, "Must declare the scalar variable \"" + name + "\".", 15, true);
  return found->second;
}

Value Interpreter::eval(const Expr& expr, Type* type) {
  if (expr.node == Node::Text && type == nullptr) return expr.text;
  if (expr.node == Node::Null && type == nullptr) return {};
  if (expr.node == Node::Variable && type == nullptr) return variable(expr.text).value;
  if (expr.node == Node::Integer && type == nullptr && expr.text.size() <= 18)
    return static_cast<std::int64_t>(std::atoll(expr.text.c_str()));
  Emitter emit = emitter();
  emit.push();
  Typed value = emit.expr(expr);
  Ready made;
  finish(made, emit, "SELECT " + value.sql);
  bind(made);
  Value out;
  if (step(made.statement.get())) out = column_value(made.statement.get(), 0, value.type);
  if (type != nullptr) *type = value.type;
  return out;
}

bool Interpreter::test(const Expr& expr) {
  Emitter emit = emitter();
  emit.push();
  std::string condition = emit.condition(expr);
  Ready made;
  finish(made, emit, "SELECT CASE WHEN " + condition + " THEN 1 ELSE 0 END");
  bind(made);
  return step(made.statement.get()) && sqlite3_column_int(made.statement.get(), 0) != 0;
}

}  // namespace holdfast::sqlnode
