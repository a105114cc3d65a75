#include "proxy/commands.h"

#include <algorithm>
#include <cstdio>
#include <span>

#include "conf/report.h"
#include "proxy/sql_command.h"

namespace holdfast {

namespace {

enum Option : unsigned {
  Config = 1,
  Node = 2,
  Socket = 4,
  Json = 8,
  Follow = 16,
  Since = 32,
  Diff = 64,
  Core = 128,
  Force = 256,
  Timeout = 512,
  Hold = 1024,
};

enum class Target { None, Instance, Group, Sql };

struct CommandRow {
  std::string_view name;
  unsigned options;
  Target target;
  const char* shape;
  const char* help;
};

constexpr unsigned asks = Config | Node | Socket;
constexpr CommandRow commands[] = {
    {"run", Config | Node | Core, Target::None, "run [-c FILE] [--node NAME] [--core]", "serve, in the foreground"},
    {"check", asks | Diff, Target::None, "check [-c FILE] [--node NAME] [--diff]",
     "check a file; --diff: what a reload would change"},
    {"reference", 0, Target::None, "reference", "print every directive, as Markdown"},
    {"status", asks | Json, Target::None, "status [--json]", "show what the running process does"},
    {"drain", asks, Target::Instance, "drain SERVICE/INSTANCE", "give an instance nothing new"},
    {"ready", asks, Target::Instance, "ready SERVICE/INSTANCE", "take a drained instance back"},
    {"reload", asks, Target::None, "reload", "read the configuration file again"},
    {"handover", asks | Force, Target::Group, "handover [GROUP] [--force]",
     "move virtual IPs to the other node, no connection lost"},
    {"push", asks, Target::None, "push [-c FILE]", "give the file in use, or FILE, to both nodes or to neither"},
    {"sql", asks | Json | Timeout | Hold, Target::Sql, "sql sessions|top [SERVICE] [--json]",
     "show the SQL sessions, or what is asked most"},
    {"events", asks | Json | Follow | Since, Target::None, "events [--follow] [--since N] [--json]",
     "tell what happened, and why"},
    {"metrics", asks, Target::None, "metrics", "print the metrics as Prometheus reads them"},
    {"version", 0, Target::None, "version", "print the version of this program"},
    {"help", 0, Target::None, "help", "print this"},
};

struct OptionRow {
  std::string_view name;
  Option option;
  std::string CommandLine::* text;
  bool CommandLine::* flag;
};

constexpr OptionRow options[] = {
    {"-c", Config, &CommandLine::config, nullptr},       {"--config", Config, &CommandLine::config, nullptr},
    {"--node", Node, &CommandLine::node, nullptr},       {"--socket", Socket, &CommandLine::socket, nullptr},
    {"--since", Since, &CommandLine::since, nullptr},    {"--json", Json, nullptr, &CommandLine::json},
    {"--follow", Follow, nullptr, &CommandLine::follow}, {"--diff", Diff, nullptr, &CommandLine::diff},
    {"--core", Core, nullptr, &CommandLine::core},
    {"--force", Force, nullptr, &CommandLine::force},
    {"--timeout", Timeout, &CommandLine::timeout, nullptr},
    {"--for", Hold, &CommandLine::hold, nullptr},
};

template <class Row>
const Row* find(std::span<const Row> rows, std::string_view name) {
  for (const Row& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

/// "; did you mean ...?", or nothing.
template <class Row>
std::string nearest(std::span<const Row> rows, const std::string& name) {
  std::vector<std::string_view> names;
  for (const Row& row : rows) names.push_back(row.name);
  const std::string text = conf::suggestion(name, names);
  return text.starts_with("; did you") ? text : std::string();
}

std::unexpected<Error> wrong(const std::string& text) { return fail(Blame::Operator, text); }

/// Takes the option at words[i], and its value if it has one; returns how many words that were.
Result<std::size_t> take_option(const std::vector<std::string>& words, std::size_t i, const CommandRow& row,
                                CommandLine& line) {
  const std::size_t equals = words[i].starts_with("--") ? words[i].find('=') : std::string::npos;
  const std::string name = words[i].substr(0, equals);
  const OptionRow* option = find<OptionRow>(options, name);
  if (!option) return wrong("there is no option " + name + nearest<OptionRow>(options, name));
  if (!(row.options & option->option)) return wrong(line.command + " does not take " + name);
  if (option->flag) {
    if (equals != std::string::npos) return wrong(name + " takes no value");
    line.*option->flag = true;
    return std::size_t{1};
  }
  const bool apart = equals == std::string::npos;
  if (apart && i + 1 == words.size()) return wrong(name + " needs a value");
  if (option->option == Config) line.config_given = true;
  line.*option->text = apart ? words[i + 1] : words[i].substr(equals + 1);
  if ((line.*option->text).empty()) return wrong(name + " needs a value");
  return std::size_t{apart ? 2u : 1u};
}

constexpr const char* sql_usage =
    "  sql pause SERVICE [--timeout 10s] [--for 30s]\n"
    "                                             let requests wait, once none is in progress\n"
    "  sql resume SERVICE                         end the pause\n"
    "  sql drain SERVICE [INSTANCE] [--timeout 10s]\n"
    "                                             move sessions off an instance, or end them all when idle\n"
    "  sql kill ID                                cut one session\n";

/// As the running process will read it.
Status check_sql(const CommandLine& line) {
  const std::string text = sql_words(line);
  std::vector<std::string_view> words;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t space = rest.find(' ');
    if (space != 0) words.push_back(rest.substr(0, space));
    rest.remove_prefix(space == rest.npos ? rest.size() : space + 1);
  }
  const Result<SqlCommand> command = parse_sql_command(words);
  return command ? Status() : std::unexpected(command.error());
}

}  // namespace

std::string sql_words(const CommandLine& line) {
  std::string words = line.target;
  if (line.json) words += " --json";
  if (!line.timeout.empty()) words += " --timeout " + line.timeout;
  if (!line.hold.empty()) words += " --for " + line.hold;
  return words;
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& words) {
  CommandLine line;
  if (words.empty()) return wrong("no command");
  const bool help = std::find(words.begin(), words.end(), "--help") != words.end();
  if (help) return line.command = "help", line;
  line.command = words[0] == "--help" || words[0] == "-h" ? "help"
                 : words[0] == "--version"                ? "version"
                                                          : words[0];
  const CommandRow* row = find<CommandRow>(commands, line.command);
  if (!row) return wrong("there is no command " + line.command + nearest<CommandRow>(commands, line.command));
  for (std::size_t i = 1; i < words.size();) {
    if (words[i].starts_with('-')) {
      const Result<std::size_t> taken = take_option(words, i, *row, line);
      if (!taken) return std::unexpected(taken.error());
      i += *taken;
    } else {
      const char* what = row->target == Target::Group ? "GROUP" : "SERVICE/INSTANCE";
      if (row->target == Target::None) return wrong(line.command + " takes no " + words[i]);
      if (row->target == Target::Sql && !line.target.empty()) line.target += ' ';
      if (row->target != Target::Sql && !line.target.empty())
        return wrong(line.command + " takes one " + what);
      line.target += words[i++];
    }
  }
  const std::size_t slash = line.target.find('/');
  const bool pair = slash != std::string::npos && slash > 0 && slash + 1 < line.target.size();
  if (row->target == Target::Instance && !pair) return wrong(line.command + " needs SERVICE/INSTANCE");
  if (row->target == Target::Sql)
    if (const Status good = check_sql(line); !good) return std::unexpected(good.error());
  return line;
}

std::string usage() {
  std::string out = "usage: holdfast COMMAND\n\n";
  for (const CommandRow& row : commands) {
    char text[200];
    std::snprintf(text, sizeof text, "  %-42s %s\n", row.shape, row.help);
    out += text;
    if (row.target == Target::Sql) out += sql_usage;
  }
  out +=
      "\n  -c FILE         the configuration; /etc/holdfast/holdfast.toml unless given\n"
      "  --node NAME     which node of the file this is; found by host name or address unless given\n"
      "  --socket PATH   the running process's control socket; as in the configuration unless given\n"
      "  --force         hand over although the nodes' configurations differ\n"
      "  --core          let a crash leave a core file, with whatever secrets it holds\n"
      "\nSignals to `run`: HUP reload, USR1 reopen the access log, USR2 upgrade to the program file that is\n"
      "there now, TERM finish and end (a second TERM: at once).\n"
      "Exit codes: 0 done; 1 it could not be done; 2 the command line or the configuration is wrong.\n";
  return out;
}

}  // namespace holdfast
