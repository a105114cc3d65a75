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
  if (name == "SECONDARYISREADABLE") return number(node_.is_readable());  // our own, for a view
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

Value Interpreter::error_part(const std::string& function) const {
  if (!caught_) return {};
  const Message& error = caught_->message;
  if (function == "ERROR_NUMBER") return std::int64_t{error.number};
  if (function == "ERROR_MESSAGE") return error.text;
  if (function == "ERROR_SEVERITY") return std::int64_t{error.severity};
  if (function == "ERROR_STATE") return std::int64_t{error.state};
  if (function == "ERROR_LINE") return std::int64_t{error.line};
  return error.procedure.empty() ? Value() : Value(error.procedure);
}

Value Interpreter::session_part(const std::string& function, const std::string& first) {
  static const std::set<std::string> kLogin{"SUSER_SNAME", "SUSER_NAME", "SYSTEM_USER", "ORIGINAL_LOGIN"};
  static const std::set<std::string> kUser{"USER_NAME", "CURRENT_USER", "SESSION_USER", "USER",
                                           "SCHEMA_NAME"};
  if (kLogin.contains(function)) return settings_.login;
  if (kUser.contains(function)) return std::string("dbo");
  if (function == "APP_NAME") return settings_.application;
  if (function == "HOST_NAME") return settings_.host;
  if (function == "CONNECTIONPROPERTY") {
    std::string what = upper(first);
    if (what == "NET_TRANSPORT") return std::string("TCP");
    if (what == "AUTH_SCHEME") return std::string("SQL");
    return what == "PROTOCOL_TYPE" ? Value(std::string("TSQL")) : Value();
  }
  if (function == "SESSIONPROPERTY") return static_cast<std::int64_t>(option(upper(first)));
  if (function == "SESSION_CONTEXT") {
    auto found = session_context_.find(first);
    return found == session_context_.end() ? Value() : found->second;
  }
  if (function == "CONTEXT_INFO") {
    return settings_.context_info.empty() ? Value() : Value(Blob{settings_.context_info});
  }
  if (function == "SCOPE_IDENTITY") return scope_identity_;
  if (function == "XACT_STATE") return std::int64_t{transactions_ == 0 ? 0 : doomed_ ? -1 : 1};
  if (function == "IS_SRVROLEMEMBER" || function == "IS_MEMBER" || function == "SCHEMA_ID")
    return std::int64_t{1};
  return function == "APPLOCK_MODE" ? Value(std::string("NoLock")) : Value();
}

Value Interpreter::database_part(const std::string& function, const std::string& first, bool given) {
  auto ask = [&](const char* sql, const std::string& what) {
    auto rows = store_.ask(sql, {what});
    return rows.empty() ? Value() : Value(rows[0][0]);
  };
  if (function == "DB_NAME") {
    if (!given) return settings_.database;
    return ask("SELECT name FROM main.holdfast_databases WHERE database_id=CAST(?1 AS INTEGER)", first);
  }
  if (function == "DB_ID") {
    Value id = ask("SELECT database_id FROM main.holdfast_databases WHERE name=?1",
                   given ? first : settings_.database);
    return convert(id, make_type(Kind::Int));
  }
  if (function == "OBJECT_NAME") {
    return ask("SELECT name FROM main.holdfast_objects WHERE object_id=CAST(?1 AS INTEGER)", first);
  }
  if (function == "IDENT_CURRENT") {
    Path path = Parser("EXEC " + first, true).batch().front()->path;
    return ask(
        "SELECT CASE WHEN next=seed THEN seed ELSE next-step END FROM main.holdfast_identity WHERE id=?1",
        store_.id_of(path, settings_.database));
  }
  return {};
}

Value Interpreter::host(const std::string& function, const std::vector<Value>& a) {
  std::string first = a.empty() ? "" : text_of(a[0]);
  if (function == "next_identity") {
    Identity& identity = identities_[first];
    identity.used = true;
    identity.last = identity.next;
    identity.next += identity.step;
    return identity.last;
  }
  if (function == "OBJECT_ID") return object_id(first);
  if (function == "SERVERPROPERTY") return server_property(first);
  if (function == "DATABASEPROPERTYEX") return database_property(first, a.size() > 1 ? text_of(a[1]) : "");
  if (function == "FN_HADR_IS_PRIMARY_REPLICA") return static_cast<std::int64_t>(node_.is_primary());
  if (function == "HAS_DBACCESS") return static_cast<std::int64_t>(store_.has_database(first));
  if (function == "DB_NAME" || function == "DB_ID" || function == "OBJECT_NAME" ||
      function == "IDENT_CURRENT") {
    return database_part(function, first, !a.empty());
  }
  return function.starts_with("ERROR_") ? error_part(function) : session_part(function, first);
}

}  // namespace holdfast::sqlnode
