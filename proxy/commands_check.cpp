#include <cstdio>

#include "proxy/commands.h"
#include "proxy/commands_file.h"

namespace holdfast {

namespace {

std::string take_line(std::string& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, end + 1);
  return line;
}

/// What the running process works with, read from the text that it keeps.
Result<conf::SnapshotPtr> running_config(const CommandLine& line, const std::string& socket) {
  Result<std::string> answer = ask(socket, "config");
  if (!answer) return std::unexpected(answer.error());
  const std::string file = take_line(*answer);
  conf::LoadOptions options;
  options.node = line.node.empty() ? take_line(*answer) : (take_line(*answer), line.node);
  const conf::Loaded loaded = conf::load_text(*answer, file, options);
  if (!loaded.snapshot)
    return fail(Blame::Operator, "the file that the running process uses is no longer valid here:\n" +
                                     diagnostics_text(loaded));
  return loaded.snapshot;
}

int print_difference(const CommandLine& line, const conf::Snapshot& fresh) {
  const std::string socket = line.socket.empty() ? fresh.process.control_socket : line.socket;
  const Result<conf::SnapshotPtr> running = running_config(line, socket);
  if (!running) {
    std::fprintf(stderr, "holdfast: %s\n", running.error().text.c_str());
    return exit_failed;
  }
  const std::vector<std::string> changes = conf::diff(**running, fresh);
  for (const std::string& change : changes) std::printf("%s\n", change.c_str());
  if (changes.empty()) std::printf("a reload would change nothing\n");
  return exit_ok;
}

}  // namespace

int check_file(const CommandLine& line) {
  const ReadConfig config = read_config(line.config, line.node, true);
  std::fputs(diagnostics_text(config.loaded).c_str(), stderr);
  if (!config.good()) return exit_usage;
  if (line.diff) return print_difference(line, *config.loaded.snapshot);
  std::printf("%s is good\n", line.config.c_str());
  return exit_ok;
}

}  // namespace holdfast
