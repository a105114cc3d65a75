#include "tests/sqlnode/engine.h"

#include <fcntl.h>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

constexpr std::size_t kParsed = 128, kLongestKept = 20'000;

/// Errors after which SQL Server ends the batch and rolls the transaction back, whatever XACT_ABORT says.
bool rolls_back(std::uint32_t number) {
  return number == 1205 || number == 3960 || number == 245 || number == 241 || number == 8114 ||
         number == 8169;
}

}  // namespace

std::shared_ptr<Database> open_database(const std::string& path, bool durable) {
  auto out = std::make_shared<Database>(path, durable);
  const std::atomic<bool>* never = nullptr;
  int timeout_ms = 30'000;
  // Makes the file and the catalog before sessions race for it.
  Store make(path, &never, &timeout_ms, durable);
  return out;
}

std::unique_ptr<Engine> make_engine(std::shared_ptr<Database> database, const NodeFacts& node, int spid) {
  return std::make_unique<Interpreter>(std::move(database), node, spid);
}

Interpreter::Interpreter(std::shared_ptr<Database> database, const NodeFacts& node, int spid)
    : database_(std::move(database)),
      node_(node),
      spid_(spid),
      store_(database_->path(), &cancelled_, &lock_timeout_ms_, database_->durable()) {
  register_functions(store_, this);
  default_options();
  frames_.emplace_back();
  sqlite3_progress_handler(
      store_.handle(), 2000,
      [](void* self) {
        const auto* cancelled = static_cast<Interpreter*>(self)->cancelled_;
        return cancelled != nullptr && cancelled->load() ? 1 : 0;
      },
      this);
}

Interpreter::~Interpreter() {
  release_locks(false);
  parsed_.clear();
  if (store_.in_transaction()) sqlite3_exec(store_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

Interpreter::Parsed Interpreter::parse(const std::string& text) {
  bool quoted = option("QUOTED_IDENTIFIER");
  std::string key = (quoted ? "q" : "n") + text;
  if (auto found = parsed_.find(key); found != parsed_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second.place);
    return found->second.batch;
  }
  auto batch = std::make_shared<Batch>(Parser(text, quoted).batch());
  if (text.size() > kLongestKept) return batch;
  recent_.push_front(key);
  parsed_[key] = {batch, recent_.begin()};
  if (recent_.size() > kParsed) {
    parsed_.erase(recent_.back());
    recent_.pop_back();
  }
  return batch;
}

void Interpreter::enter(Sink& sink, const std::atomic<bool>& cancelled) {
  store_.sweep();
  sink_ = &sink;
  cancelled_ = &cancelled;
  try_depth_ = 0;
  depth_ = 0;
}

void Interpreter::check_cancelled() const {
  if (cancelled_ != nullptr && cancelled_->load()) throw Cancelled{};
}

void Interpreter::report(const SqlError& error) {
  error_ = error.message.number;
  sink_->error(error.message);
}

/// Runs what the wire asked for and turns what it throws into messages.
void Interpreter::guarded(const std::function<void()>& body) {
  try {
    body();
  } catch (const SqlError& error) {
    if (cancelled_ == nullptr || !cancelled_->load()) {
      report(error);
      sink_->done(false, 0, 0);
    }
  } catch (const Cancelled&) {}
  while (frames_.size() > 1) {
    drop_tables(frames_.back());
    frames_.pop_back();
  }
  cancelled_ = nullptr;
  lost_transaction();
}

void Interpreter::add_parameters(Frame& frame, const std::vector<Parameter>& parameters) {
  int position = 0;
  for (const Parameter& parameter : parameters) {
    std::string name = parameter.name.empty() ? "@P" + std::to_string(++position) : upper(parameter.name);
    if (name[0] != '@') name.insert(0, "@");
    frame.variables[name] = {parameter.type, parameter.value};
  }
}

void Interpreter::batch(const std::string& text, const std::vector<Parameter>& parameters, bool, Sink& sink,
                        const std::atomic<bool>& cancelled) {
  enter(sink, cancelled);
  guarded([&] {
    Parsed statements = parse(text);
    frames_.emplace_back();
    add_parameters(frames_.back(), parameters);
    run(*statements);
    for (const Parameter& parameter : parameters) {
      if (!parameter.output || parameter.name.empty()) continue;
      Parameter out = parameter;
      out.value = frames_.back().variables[upper(parameter.name)].value;
      sink.output(out);
    }
  });
}

Flow Interpreter::failed(SqlError error, const Statement& statement) {
  error.message.line = std::max(error.message.line, statement.line);
  if (error.message.procedure.empty()) error.message.procedure = frames_.back().procedure;
  std::uint32_t number = error.message.number;
  error_ = number;
  row_count_ = 0;
  bool deadlock = number == 1205 || number == 3960;
  if (deadlock) rollback_all();
  lost_transaction();
  if (try_depth_ > 0 && number != 208 && error.message.severity < 20) throw error;
  bool abort = error.fatal || (option("XACT_ABORT") && error.message.severity > 10 && number != 50000);
  if (abort && transactions_ > 0 && (option("XACT_ABORT") || rolls_back(number))) rollback_all();
  report(error);
  sink_->done(false, 0, 0);
  return abort ? Flow::Abort : Flow::Next;
}

void Interpreter::drop_tables(Frame& frame) {
  for (const std::string& name : frame.tables) {
    try {
      drop_table({name}, true);
    } catch (const SqlError&) {  // it went with a rollback
    }
  }
  frame.tables.clear();
}

void Interpreter::done(std::uint64_t count, std::uint16_t command) {
  row_count_ = static_cast<std::int64_t>(count);
  error_ = 0;
  sink_->done(!option("NOCOUNT"), count, command);
}

void Interpreter::done_plain() {
  row_count_ = 0;
  error_ = 0;
  sink_->done(false, 0, 0);
}

void Interpreter::reset(bool keep_transaction) {
  if (!keep_transaction && transactions_ > 0) {
    sink_ = nullptr;
    rollback_all();
  }
  release_locks(false);
  std::string isolation = settings_.options["ISOLATION"];
  frames_.clear();
  frames_.emplace_back();
  std::vector<std::string> names;
  for (const auto& row :
       store_.ask("SELECT name FROM temp.sqlite_schema WHERE type='table' AND name LIKE '#%'"))
    names.push_back(row[0]);
  for (const std::string& name : names) drop_table({name}, true);
  default_options();
  settings_.database = settings_.home;
  settings_.options["ISOLATION"] = isolation;
  settings_.context_info.clear();
  settings_.recoverable = true;
  session_context_.clear();
  identity_insert_.clear();
  error_ = 0;
  row_count_ = 0;
  scope_identity_ = identity_ = {};
}

}  // namespace holdfast::sqlnode
