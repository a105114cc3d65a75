// SET options, USE, and @@globals.
#include <cstdlib>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

constexpr const char* kSwitches[] = {"ANSI_NULLS",
                                     "ANSI_PADDING",
                                     "ANSI_WARNINGS",
                                     "ARITHABORT",
                                     "CONCAT_NULL_YIELDS_NULL",
                                     "QUOTED_IDENTIFIER",
                                     "ANSI_NULL_DFLT_ON",
                                     "NUMERIC_ROUNDABORT",
                                     "NOCOUNT",
                                     "XACT_ABORT",
                                     "IMPLICIT_TRANSACTIONS",
                                     "ANSI_DEFAULTS",
                                     "CURSOR_CLOSE_ON_COMMIT",
                                     "NOEXEC",
                                     "FMTONLY",
                                     "PARSEONLY",
                                     "SHOWPLAN_ALL",
                                     "SHOWPLAN_TEXT",
                                     "SHOWPLAN_XML",
                                     "NO_BROWSETABLE",
                                     "REMOTE_PROC_TRANSACTIONS",
                                     "ARITHIGNORE",
                                     "ANSI_NULL_DFLT_OFF",
                                     "FORCEPLAN",
                                     "STATISTICS"};
constexpr const char* kValues[] = {"DATEFORMAT",      "DATEFIRST",         "LOCK_TIMEOUT",
                                   "TEXTSIZE",        "ROWCOUNT",          "LANGUAGE",
                                   "CONTEXT_INFO",    "DEADLOCK_PRIORITY", "QUERY_GOVERNOR_COST_LIMIT",
                                   "IDENTITY_INSERT", "ISOLATION",         "FIPS_FLAGGER",
                                   "OFFSETS"};

bool among(const auto& list, const std::string& name) {
  for (const char* one : list) {
    if (name == one) return true;
  }
  return false;
}

}  // namespace

void Interpreter::default_options() {
  settings_.options.clear();
  for (const char* on : {"ANSI_NULLS", "ANSI_PADDING", "ANSI_WARNINGS", "CONCAT_NULL_YIELDS_NULL",
                         "QUOTED_IDENTIFIER", "ANSI_NULL_DFLT_ON", "ARITHABORT"}) {
    settings_.options[on] = "ON";
  }
  for (const char* off :
       {"NOCOUNT", "XACT_ABORT", "IMPLICIT_TRANSACTIONS", "NUMERIC_ROUNDABORT", "CURSOR_CLOSE_ON_COMMIT"}) {
    settings_.options[off] = "OFF";
  }
  settings_.options["ISOLATION"] = "READ COMMITTED";
  settings_.options["LOCK_TIMEOUT"] = "-1";
  settings_.options["TEXTSIZE"] = "2147483647";
  settings_.options["DATEFIRST"] = "7";
  settings_.options["DATEFORMAT"] = "mdy";
  settings_.options["ROWCOUNT"] = "0";
  lock_timeout_ms_ = -1;
}

bool Interpreter::option(const std::string& name) const {
  auto found = settings_.options.find(name);
  return found != settings_.options.end() && found->second == "ON";
}

void Interpreter::set_option(Statement& statement) {
  for (const std::string& name : statement.names) {
    std::string value = statement.text;
    Value given;
    if (!statement.exprs.empty()) {
      given = eval(*statement.exprs[0]);
      value = text_of(given);
    }
    if (name == "IDENTITY_INSERT") {
      const Table* table = store_.table(statement.path, settings_.database);
      if (table == nullptr) fail(1088, "Cannot find the object \"" + statement.path.back() + "\".", 16, true);
      if (value == "ON")
        identity_insert_ = table->id;
      else if (same(identity_insert_, table->id))
        identity_insert_.clear();
      for (auto& [text, kept] : parsed_) {
        for (const StatementPtr& one : *kept.batch) {
          if (one->what == Do::Insert) one->plan.reset();
        }
      }
      continue;
    }
    if (name == "CONTEXT_INFO") {
      settings_.context_info = text_of(convert(given, make_type(Kind::VarBinary, 128)));
      continue;
    }
    if (name == "LANGUAGE") {
      std::string before = std::exchange(settings_.language, value);
      sink_->language(value, before);
      continue;
    }
    if (among(kSwitches, name)) {
      if (value != "ON" && value != "OFF") fail(102, "Incorrect syntax near '" + value + "'.", 15, true);
    } else if (!among(kValues, name)) {
      fail(195, "'" + name + "' is not a recognized SET option.", 15, true);
    }
    if (name == "LOCK_TIMEOUT") lock_timeout_ms_ = std::atoi(value.c_str());
    settings_.options[name] = value;
  }
  done_plain();
}

void Interpreter::use(const std::string& name) {
  auto rows = store_.ask("SELECT name FROM main.holdfast_databases WHERE name=?1", {name});
  if (rows.empty()) {
    fail(911, "Database '" + name + "' does not exist. Make sure that the name is entered correctly.", 16,
         true);
  }
  std::string before = std::exchange(settings_.database, rows[0][0]);
  sink_->database(settings_.database, before);
  Message message;
  message.number = 5701;
  message.state = 2;
  message.severity = 0;
  message.text = "Changed database context to '" + settings_.database + "'.";
  sink_->info(message);
}

Interpreter::Variable Interpreter::global(const std::string& name) {
  auto integer = [](std::int64_t value) { return Variable{make_type(Kind::Int), Value(value)}; };
  auto text = [](std::string value) {
    return Variable{make_type(Kind::NVarChar, 300), Value(std::move(value))};
  };
  if (name == "@@ROWCOUNT") return integer(row_count_);
  if (name == "@@TRANCOUNT") return integer(transactions_);
  if (name == "@@ERROR") return integer(error_);
  if (name == "@@SPID") return {make_type(Kind::SmallInt), Value(std::int64_t{spid_})};
  if (name == "@@IDENTITY") return {make_type(Kind::Decimal, 0, 38, 0), identity_};
  if (name == "@@SERVERNAME") return text(node_.name);
  if (name == "@@SERVICENAME") return text("MSSQLSERVER");
  if (name == "@@VERSION") {
    return text(
        "Microsoft SQL Server 2019 stand-in of Holdfast's tests (15.0.2000.5): SQLite behind TDS, not SQL "
        "Server");
  }
  if (name == "@@NESTLEVEL") return integer(depth_);
  if (name == "@@LANGUAGE") return text(settings_.language);
  if (name == "@@LANGID") return {make_type(Kind::SmallInt), Value(std::int64_t{0})};
  if (name == "@@DATEFIRST")
    return {make_type(Kind::TinyInt), Value(std::int64_t{std::atoi(settings_.options["DATEFIRST"].c_str())})};
  if (name == "@@ISOLATION_LEVEL") return integer(isolation_number());  // for sys.dm_exec_sessions alone
  if (name == "@@LOCK_TIMEOUT") return integer(lock_timeout_ms_);
  if (name == "@@TEXTSIZE") return integer(std::atoll(settings_.options["TEXTSIZE"].c_str()));
  if (name == "@@MAX_PRECISION") return {make_type(Kind::TinyInt), Value(std::int64_t{38})};
  if (name == "@@MICROSOFTVERSION") return integer(0x0F0007D0);
  if (name == "@@FETCH_STATUS") return integer(-1);
  if (name == "@@OPTIONS") return integer(5496);
  if (name == "@@PROCID" || name == "@@CONNECTIONS" || name == "@@DBTS") return integer(0);
  fail(137, "Must declare the scalar variable \"" + name + "\".", 15, true);
}

}  // namespace holdfast::sqlnode
