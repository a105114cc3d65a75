// The command line: parsed as a whole before anything is done, with its own table of what each command
// takes. main.cpp calls run_command; the commands that ask the running process are in commands_client.cpp,
// those about the file in commands_check.cpp, `run` in commands_run.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace holdfast {

/// What the shell sees.
enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,  ///< it could not be done now
  exit_usage = 2,   ///< the command line or the configuration is wrong
};

/// The schema's default, for when the file cannot be read; a test keeps them equal.
inline constexpr const char* default_socket = "/run/holdfast.sock";

struct CommandLine {
  std::string command;
  std::string target;  ///< SERVICE/INSTANCE; of `handover`: a group, empty: all; of `sql`: its words
  std::string config = "/etc/holdfast/holdfast.toml";
  std::string node;
  std::string socket;  ///< --socket; empty: as the configuration says
  std::string since;
  std::string timeout, hold;  ///< of `sql`: --timeout and --for
  std::string version;  ///< of this program
  bool json = false, follow = false, diff = false, core = false, force = false;
  bool config_given = false;  ///< `config` is not the default
};

/// `words` without the program's name. The error is a line for the user.
Result<CommandLine> parse_command_line(const std::vector<std::string>& words);
std::string usage();
/// What stands behind "sql" on its way to the running process.
std::string sql_words(const CommandLine& line);

/// argv[0] included. Returns the exit code.
int run_command(const std::vector<std::string>& arguments, const std::string& version);

// The commands.
int check_file(const CommandLine& line);
int ask_process(const CommandLine& line);
int run_process(const CommandLine& line, const std::vector<std::string>& arguments);

/// The answer to a request of the control socket without its first line. Blocking; used by commands only.
Result<std::string> ask(const std::string& socket, const std::string& request);
/// From --socket, else from the configuration file's text even if that is broken, else the default.
std::string socket_of(const CommandLine& line);

}  // namespace holdfast
