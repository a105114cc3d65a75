// What functions ask of the session and the node.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

Value Interpreter::object_id(const std::string& given) {
  Path path;
  std::string part;
  for (const Token& token : lex(given, true)) {
    if (token.kind == Lex::Word || token.kind == Lex::Quoted) part = token.text;
    if (token.kind != Lex::Symbol && token.kind != Lex::End) continue;
    path.push_back(part);
    part.clear();
  }
  if (path.empty() || path.back().empty()) return {};
  std::string id = store_.id_of(path, settings_.database);
  if (id[0] == '#') {
    if (store_.table(path, settings_.database) == nullptr) return {};
    std::int64_t hash = 17;
    for (char c : upper(id)) hash = (hash * 31 + c) & 0x7fffffff;
    return -hash;
  }
  auto rows = store_.ask("SELECT object_id FROM main.holdfast_objects WHERE id=?1", {id});
  return rows.empty() ? Value() : Value(static_cast<std::int64_t>(std::atoll(rows[0][0].c_str())));
}

Value Interpreter::server_property(const std::string& given) {
  std::string name = upper(given);
  auto number = [](std::int64_t value) { return Value(value); };
  if (name == "SERVERNAME" || name == "MACHINENAME" || name == "COMPUTERNAMEPHYSICALNETBIOS")
    return node_.name;
  if (name == "ISHADRENABLED") return number(node_.is_hadr());
  if (name == "ISCLUSTERED") return number(node_.is_clustered());
  if (name == "HADRMANAGERSTATUS") return number(node_.is_hadr() ? 1 : 2);
  if (name == "EDITION") return std::string("Developer Edition (64-bit)");
  if (name == "ENGINEEDITION") return number(3);
  if (name == "EDITIONID") return number(-2117995310);
  if (name == "PRODUCTVERSION") return std::string("15.0.2000.5");
  if (name == "PRODUCTMAJORVERSION") return number(15);
  if (name == "PRODUCTLEVEL") return std::string("RTM");
  if (name == "COLLATION") return std::string("SQL_Latin1_General_CP1_CI_AS");
  if (name == "PROCESSID") return number(1);
  if (name == "ISINTEGRATEDSECURITYONLY" || name == "ISSINGLEUSER" || name == "ISFULLTEXTINSTALLED")
    return number(0);
  return {};
}

Value Interpreter::database_property(const std::string& database, const std::string& given) {
  if (!store_.has_database(database)) return {};
  std::string name = upper(given);
  if (name == "UPDATEABILITY") return std::string(node_.is_primary() ? "READ_WRITE" : "READ_ONLY");
  if (name == "STATUS") return std::string("ONLINE");
  if (name == "USERACCESS") return std::string("MULTI_USER");
  if (name == "RECOVERY") return std::string("FULL");
  if (name == "COLLATION") return std::string("SQL_Latin1_General_CP1_CI_AS");
  return {};
}

Value Interpreter::host(const std::string& function, const std::vector<Value>& a) {
  auto text = [&](std::size_t i) { return i < a.size() ? text_of(a[i]) : std::string(); };
  if (function == "next_identity") {
    Identity& identity = identities_[text(0)];
    identity.used = true;
    identity.last = identity.next;
    identity.next += identity.step;
    return identity.last;
  }
  if (function == "DB_NAME" || function == "DB_ID") {
    bool id = function == "DB_ID";
    if (a.empty() && !id) return settings_.database;
    std::string what = a.empty() ? settings_.database : text(0);
    auto rows =
        store_.ask(id ? "SELECT database_id FROM main.holdfast_databases WHERE name=?1"
                      : "SELECT name FROM main.holdfast_databases WHERE database_id=CAST(?1 AS INTEGER)",
                   {what});
    if (rows.empty()) return {};
    return id ? Value(static_cast<std::int64_t>(std::atoll(rows[0][0].c_str()))) : Value(rows[0][0]);
  }
  if (function == "SUSER_SNAME" || function == "SUSER_NAME" || function == "SYSTEM_USER" ||
      function == "ORIGINAL_LOGIN")
    return settings_.login;
  if (function == "USER_NAME" || function == "CURRENT_USER" || function == "SESSION_USER" ||
      function == "USER")
    return std::string("dbo");
  if (function == "SCHEMA_NAME") return std::string("dbo");
  if (function == "SCHEMA_ID") return std::int64_t{1};
  if (function == "APP_NAME") return settings_.application;
  if (function == "HOST_NAME") return settings_.host;
  if (function == "OBJECT_ID") return object_id(text(0));
  if (function == "OBJECT_NAME") {
    auto rows =
        store_.ask("SELECT name FROM main.holdfast_objects WHERE object_id=CAST(?1 AS INTEGER)", {text(0)});
    return rows.empty() ? Value() : Value(rows[0][0]);
  }
  if (function == "SERVERPROPERTY") return server_property(text(0));
  if (function == "DATABASEPROPERTYEX") return database_property(text(0), text(1));
  if (function == "CONNECTIONPROPERTY") {
    std::string what = upper(text(0));
    if (what == "NET_TRANSPORT") return std::string("TCP");
    if (what == "AUTH_SCHEME") return std::string("SQL");
    return what == "PROTOCOL_TYPE" ? Value(std::string("TSQL")) : Value();
  }
  if (function == "SESSIONPROPERTY") return static_cast<std::int64_t>(option(upper(text(0))));
  if (function == "SESSION_CONTEXT") {
    auto found = session_context_.find(text(0));
    return found == session_context_.end() ? Value() : found->second;
  }
  if (function == "CONTEXT_INFO")
    return settings_.context_info.empty() ? Value() : Value(Blob{settings_.context_info});
  if (function == "SCOPE_IDENTITY") return scope_identity_;
  if (function == "IDENT_CURRENT") {
    auto rows = store_.ask(
        "SELECT CASE WHEN next=seed THEN seed ELSE next-step END FROM main.holdfast_identity WHERE id=?1",
        {store_.id_of(Parser("EXEC " + text(0), true).batch().front()->path, settings_.database)});
    return rows.empty() ? Value() : Value(rows[0][0]);
  }
  if (function == "XACT_STATE") return std::int64_t{transactions_ == 0 ? 0 : doomed_ ? -1 : 1};
  if (function == "FN_HADR_IS_PRIMARY_REPLICA") return static_cast<std::int64_t>(node_.is_primary());
  if (function == "HAS_DBACCESS") return static_cast<std::int64_t>(store_.has_database(text(0)));
  if (function == "IS_SRVROLEMEMBER" || function == "IS_MEMBER") return std::int64_t{1};
  if (function == "APPLOCK_MODE") return std::string("NoLock");
  if (!caught_ || !function.starts_with("ERROR_")) return {};
  const Message& error = caught_->message;
  if (function == "ERROR_NUMBER") return std::int64_t{error.number};
  if (function == "ERROR_MESSAGE") return error.text;
  if (function == "ERROR_SEVERITY") return std::int64_t{error.severity};
  if (function == "ERROR_STATE") return std::int64_t{error.state};
  if (function == "ERROR_LINE") return std::int64_t{error.line};
  return error.procedure.empty() ? Value() : Value(error.procedure);
}

}  // namespace holdfast::sqlnode
