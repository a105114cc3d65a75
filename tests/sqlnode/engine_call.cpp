// EXEC: procedures kept in the database, texts, sp_executesql.
#include <algorithm>

#include "tests/sqlnode/engine_interpreter.h"
#include "tests/sqlnode/sql_parse.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

constexpr int kDeepest = 32;

}  // namespace

void Interpreter::run_exec(Statement& statement) {
  std::vector<Parameter> parameters;
  for (const Argument& argument : statement.arguments) {
    Parameter parameter;
    parameter.name = argument.name;
    if (argument.value->node == Node::Default) continue;
    parameter.value = eval(*argument.value, &parameter.type);
    parameter.output = argument.output;
    parameters.push_back(std::move(parameter));
  }
  std::int64_t status = 0;
  call(statement.path, parameters, status);
  if (!statement.alias.empty()) set_variable(statement.alias, status);
  std::size_t i = 0;
  for (const Argument& argument : statement.arguments) {
    if (argument.value->node == Node::Default) continue;
    if (argument.output && argument.value->node == Node::Variable)
      set_variable(argument.value->text, parameters[i].value);
    ++i;
  }
}

void Interpreter::call(const Path& path, std::vector<Parameter>& parameters, std::int64_t& status) {
  if (depth_ >= kDeepest) {
    fail(217, "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).", 16,
         true);
  }
  ++depth_;
  bool known = false;
  if (same(path.back(), "sp_executesql")) {
    execute_sql(parameters);
    known = true;
  } else {
    known = user_procedure(path, parameters, status) || system_procedure(path.back(), parameters, status);
  }
  --depth_;
  if (!known) {
    std::string full;
    for (const std::string& part : path) full += (full.empty() ? "" : ".") + part;
    fail(2812, "Could not find stored procedure '" + full + "'.", 16);
  }
}

/// Runs a text in a frame of its own, with `parameters` as its variables; outputs come back in them.
void Interpreter::execute_text(const std::string& text, std::vector<Parameter>& parameters) {
  Parsed batch = parse(text);
  frames_.emplace_back();
  add_parameters(frames_.back(), parameters);
  std::string database = settings_.database;
  const auto options = settings_.options;  // what is SET within ends with it
  Flow flow = run(*batch);
  for (Parameter& parameter : parameters) {
    if (parameter.output) parameter.value = frames_.back().variables[upper(parameter.name)].value;
  }
  drop_tables(frames_.back());
  frames_.pop_back();
  settings_.options = options;
  if (settings_.database != database) use(database);
  if (flow == Flow::Abort) throw Cancelled{};
}

void Interpreter::execute_sql(std::vector<Parameter>& parameters) {
  if (parameters.empty())
    fail(201, "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.",
         16);
  std::vector<Parameter> given;
  if (parameters.size() > 1) {
    std::vector<ParameterDef> declared = Parser(text_of(parameters[1].value), true).parameters();
    for (std::size_t i = 0; i < declared.size(); ++i) {
      Parameter one;
      one.name = declared[i].name;
      one.type = declared[i].type;
      const Parameter* from = nullptr;
      for (std::size_t k = 2; k < parameters.size(); ++k) {
        bool named = !parameters[k].name.empty();
        if (named ? same(parameters[k].name, one.name) : k == i + 2) from = &parameters[k];
      }
      if (from == nullptr) {
        fail(8178,
             "The parameterized query expects the parameter '" + one.name + "', which was not supplied.", 16);
      }
      one.value = convert(from->value, one.type);
      one.output = from->output;
      given.push_back(std::move(one));
    }
  }
  execute_text(text_of(parameters[0].value), given);
  for (const Parameter& out : given) {
    for (std::size_t k = 2; out.output && k < parameters.size(); ++k) {
      bool mine = parameters[k].name.empty() ? &out == &given[k - 2] : same(parameters[k].name, out.name);
      if (mine) parameters[k].value = out.value;
    }
  }
}

bool Interpreter::user_procedure(const Path& path, std::vector<Parameter>& parameters, std::int64_t& status) {
  std::string text;
  if (!store_.module(store_.id_of(path, settings_.database), 'P', text)) return false;
  Parsed definition = parse(text);
  const Statement& made = *definition->front();
  Frame frame;
  frame.procedure = path.back();
  for (std::size_t i = 0; i < made.parameters.size(); ++i) {
    const ParameterDef& wanted = made.parameters[i];
    Variable& variable = frame.variables[upper(wanted.name)];
    variable.type = wanted.type;
    const Parameter* from = nullptr;
    for (std::size_t k = 0; k < parameters.size(); ++k) {
      if (parameters[k].name.empty() ? k == i : same(parameters[k].name, wanted.name)) from = &parameters[k];
    }
    if (from == nullptr && wanted.fallback == nullptr) {
      fail(201,
           "Procedure or function '" + path.back() + "' expects parameter '" + wanted.name +
               "', which was not supplied.",
           16);
    }
    variable.value = convert(from != nullptr ? from->value : eval(*wanted.fallback), wanted.type);
  }
  std::size_t named = made.parameters.size();
  if (parameters.size() > named)
    fail(8144, "Procedure or function " + path.back() + " has too many arguments specified.", 16);
  Parsed body = parse(made.alias);
  frames_.push_back(std::move(frame));
  auto options = settings_.options;
  Flow flow = run(*body);
  for (const char* kept : {"NOCOUNT", "XACT_ABORT", "ISOLATION"}) settings_.options[kept] = options[kept];
  status = frames_.back().status;
  for (std::size_t k = 0; k < parameters.size(); ++k) {
    if (!parameters[k].output) continue;
    std::string name = upper(parameters[k].name.empty() ? made.parameters[k].name : parameters[k].name);
    parameters[k].value = frames_.back().variables[name].value;
    parameters[k].type = frames_.back().variables[name].type;
  }
  drop_tables(frames_.back());
  frames_.pop_back();
  if (flow == Flow::Abort) throw Cancelled{};
  return true;
}

void Interpreter::procedure(const std::string& name, const std::vector<Parameter>& given, Sink& sink,
                            const std::atomic<bool>& cancelled) {
  enter(sink, cancelled);
  guarded([&] {
    frames_.emplace_back();
    std::vector<Parameter> parameters = given;
    std::int64_t status = 0;
    Parsed path = parse("EXEC " + name);
    try {
      call(path->front()->path, parameters, status);
    } catch (SqlError& error) {
      try_depth_ = 0;
      failed(std::move(error), *path->front());
      return;
    }
    sink.status(static_cast<std::int32_t>(status));
    for (const Parameter& parameter : parameters) {
      if (parameter.output) sink.output(parameter);
    }
  });
}

}  // namespace holdfast::sqlnode
