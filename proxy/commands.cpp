#include "proxy/commands.h"

#include <cstdio>

#include "conf/load.h"

namespace holdfast {

int run_command(const std::vector<std::string>& arguments, const std::string& version) {
  Result<CommandLine> line =
      parse_command_line(arguments.empty() ? arguments : std::vector(arguments.begin() + 1, arguments.end()));
  if (!line) {
    std::fprintf(stderr, "holdfast: %s\n\n%s", line.error().text.c_str(), usage().c_str());
    return exit_usage;
  }
  line->version = version;
  if (line->command == "run") return run_process(*line, arguments);
  if (line->command == "check") return check_file(*line);
  std::string text;
  if (line->command == "help") {
    text = usage();
  } else if (line->command == "version") {
    text = "holdfast " + version + "\n";
  } else if (line->command == "reference") {
    text = conf::reference();
  } else {
    return ask_process(*line);
  }
  return std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? exit_ok : exit_failed;
}

}  // namespace holdfast
