// Transactions: T-SQL's counted ones over SQLite's single one. A reading transaction holds nothing in
// SQLite (READ COMMITTED sees each statement's snapshot); the first write takes the file's one write lock,
// which is kept to the end.
#include <sys/random.h>

#include "tests/sqlnode/engine_interpreter.h"

namespace holdfast::sqlnode {

void Interpreter::guard_write() {
  if (node_.is_primary()) return;
  fail(3906, "Failed to update database \"" + settings_.database + "\" because the database is read-only.",
       16, true);
}

/// Takes the write lock. True: for this statement alone, and leave_write must end it. `many`: it needs
/// several of SQLite's.
bool Interpreter::enter_write(bool many) {
  if (doomed_) {
    fail(3930,
         "The current transaction cannot be committed and cannot support operations that write to the log "
         "file. Roll back "
         "the transaction.",
         16, true);
  }
  if (store_.in_transaction()) return false;
  if (transactions_ == 0 && !many) return false;
  store_.run("BEGIN IMMEDIATE");
  held_ = transactions_ > 0;
  return transactions_ == 0;
}

void Interpreter::leave_write(bool own, bool good) {
  if (!own || !store_.in_transaction()) return;
  if (good) {
    try {
      store_.run("COMMIT");
      return;
    } catch (const SqlError&) {
      sqlite3_exec(store_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
      throw;
    }
  }
  sqlite3_exec(store_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

void Interpreter::enter_read() {
  if (transactions_ == 0 || store_.in_transaction()) return;
  const std::string& level = settings_.options["ISOLATION"];
  if (level == "SNAPSHOT") store_.run("BEGIN");
  if ((level == "SERIALIZABLE" || level == "REPEATABLE READ") && node_.is_primary())
    store_.run("BEGIN IMMEDIATE");
  held_ = store_.in_transaction();
}

void Interpreter::begin_transaction(bool) {
  if (++transactions_ > 1) return;
  doomed_ = false;
  savepoints_.clear();
  if (::getrandom(&descriptor_, sizeof descriptor_, 0) != sizeof descriptor_ || descriptor_ == 0)
    descriptor_ = 1;
  if (sink_ != nullptr) sink_->began(descriptor_);
}

void Interpreter::commit_transaction() {
  if (transactions_ == 0)
    fail(3902, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.");
  if (transactions_ > 1) {
    --transactions_;
    return;
  }
  if (store_.in_transaction()) {
    try {
      guard_write();
      store_.run("COMMIT");
    } catch (const SqlError&) {
      rollback_all();
      throw;
    }
  }
  transactions_ = 0;
  held_ = false;
  std::uint64_t ended = std::exchange(descriptor_, 0);
  release_locks(true);
  if (sink_ != nullptr) sink_->ended(ended, true);
}

void Interpreter::rollback_all() {
  if (transactions_ == 0) return;
  if (store_.in_transaction()) {
    sqlite3_exec(store_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    store_.forget();
  }
  transactions_ = 0;
  held_ = false;
  doomed_ = false;
  savepoints_.clear();
  identities_.clear();
  std::uint64_t ended = std::exchange(descriptor_, 0);
  release_locks(true);
  if (sink_ != nullptr) sink_->ended(ended, false);
}

/// SQLite rolls back by itself when the disk is full or reads fail.
void Interpreter::lost_transaction() {
  if (held_ && !store_.in_transaction()) rollback_all();
}

void Interpreter::rollback_to(const std::string& name) {
  if (transactions_ == 0)
    fail(3903, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.");
  for (auto found = savepoints_.rbegin(); found != savepoints_.rend(); ++found) {
    if (!same(*found, name)) continue;
    store_.run("ROLLBACK TO " + quote(upper(name)));
    store_.forget();
    savepoints_.erase(found.base(), savepoints_.end());
    return;
  }
  rollback_all();
}

void Interpreter::save_point(const std::string& name) {
  if (transactions_ == 0) fail(628, "Cannot issue SAVE TRANSACTION when there is no active transaction.");
  if (!store_.in_transaction()) store_.run("BEGIN IMMEDIATE");
  held_ = true;
  store_.run("SAVEPOINT " + quote(upper(name)));
  savepoints_.push_back(name);
}

void Interpreter::implicit(const Statement& statement) {
  if (!option("IMPLICIT_TRANSACTIONS") || transactions_ > 0) return;
  bool starts = statement.what == Do::Insert || statement.what == Do::Update ||
                statement.what == Do::Delete || statement.what == Do::CreateTable ||
                statement.what == Do::DropTable || statement.what == Do::AddColumns ||
                statement.what == Do::Truncate || statement.what == Do::InsertBulk;
  if (statement.what == Do::Query) {
    for (const Select& part : statement.query->parts) starts = starts || part.from != nullptr;
  }
  if (starts) begin_transaction(true);
}

void Interpreter::set_isolation(const std::string& level) {
  if (!level.empty()) settings_.options["ISOLATION"] = level;
}

int Interpreter::isolation_number() const {
  static const std::map<std::string, int> numbers = {
      {"READ UNCOMMITTED", 1}, {"READ COMMITTED", 2}, {"REPEATABLE READ", 3}, {"SERIALIZABLE", 4}, {"SNAPSHOT", 5}};
  const auto set = settings_.options.find("ISOLATION");
  const auto found = set == settings_.options.end() ? numbers.end() : numbers.find(set->second);
  return found == numbers.end() ? 2 : found->second;
}

void Interpreter::begin(const std::string& isolation, Sink& sink) {
  sink_ = &sink;
  guarded([&] {
    set_isolation(isolation);
    begin_transaction(false);
    done_plain();
  });
}

void Interpreter::commit(Sink& sink) {
  sink_ = &sink;
  guarded([&] {
    commit_transaction();
    done_plain();
  });
}

void Interpreter::rollback(const std::string& savepoint, Sink& sink) {
  sink_ = &sink;
  guarded([&] {
    rollback_to(savepoint);
    done_plain();
  });
}

void Interpreter::save(const std::string& savepoint, Sink& sink) {
  sink_ = &sink;
  guarded([&] {
    save_point(savepoint);
    done_plain();
  });
}

}  // namespace holdfast::sqlnode
