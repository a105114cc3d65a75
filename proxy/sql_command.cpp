#include "proxy/sql_command.h"

#include <charconv>
#include <optional>
#include <vector>

namespace holdfast {
namespace {

using Verb = SqlCommand::Verb;

struct VerbRow {
  std::string_view name;
  Verb verb;
  std::size_t least, most;  ///< words behind it
  bool json, timeout, hold;
  const char* shape;
};

constexpr VerbRow verbs[] = {
    {"sessions", Verb::Sessions, 0, 1, true, false, false, "sql sessions [SERVICE] [--json]"},
    {"top", Verb::Top, 0, 1, true, false, false, "sql top [SERVICE] [--json]"},
    {"kill", Verb::Kill, 1, 1, false, false, false, "sql kill ID"},
    {"pause", Verb::Pause, 1, 1, false, true, true, "sql pause SERVICE [--timeout 10s] [--for 30s]"},
    {"resume", Verb::Resume, 1, 1, false, false, false, "sql resume SERVICE"},
    {"drain", Verb::Drain, 1, 2, false, true, false, "sql drain SERVICE [INSTANCE] [--timeout 10s]"},
};

std::unexpected<Error> wrong(std::string text) { return fail(Blame::Operator, std::move(text)); }

/// "500ms", "10s", "1m". The engine does not know the configuration's parser.
std::optional<Duration> span_of(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc{} || number < 0 || number > 1'000'000'000) return std::nullopt;
  const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
  if (unit == "ms") return Duration::millis(number);
  if (unit == "s") return Duration::seconds(number);
  if (unit == "m") return Duration::seconds(number * 60);
  return std::nullopt;
}

Status take_span(std::string_view name, std::string_view text, Duration most, Duration& into) {
  const std::optional<Duration> span = span_of(text);
  if (span && *span > Duration{} && *span <= most) return into = *span, Status();
  const auto seconds = static_cast<std::int64_t>(most.to_seconds());
  return wrong(std::string(name) + " needs a time of at most " + std::to_string(seconds) + "s, as in 5s");
}

/// Takes the option at words[i] and returns how many words that were; 0: it is none that this verb takes.
Result<std::size_t> take_option(std::span<const std::string_view> words, std::size_t i, const VerbRow& row,
                                SqlCommand& command) {
  std::string_view name = words[i], text;
  if (row.json && name == "--json") return command.json = true, std::size_t{1};
  std::size_t taken = 2;
  if (const std::size_t equals = name.find('='); equals != name.npos) {
    text = name.substr(equals + 1);
    name = name.substr(0, equals);
    taken = 1;
  } else if (i + 1 < words.size()) {
    text = words[i + 1];
  }
  Status done;
  if (row.timeout && name == "--timeout")
    done = take_span(name, text, SqlCommand::timeout_max, command.timeout);
  else if (row.hold && name == "--for")
    done = take_span(name, text, SqlCommand::hold_max, command.hold);
  else
    return std::size_t{0};
  if (!done) return std::unexpected(done.error());
  return taken;
}

}  // namespace

Result<SqlCommand> parse_sql_command(std::span<const std::string_view> words) {
  const VerbRow* row = nullptr;
  for (const VerbRow& one : verbs)
    if (!words.empty() && one.name == words[0]) row = &one;
  if (!row) return wrong("sql takes sessions, top, kill, pause, resume or drain");
  const auto usage = [row] { return wrong(std::string("usage: ") + row->shape); };
  SqlCommand command;
  command.verb = row->verb;
  std::vector<std::string_view> names;
  for (std::size_t i = 1; i < words.size();) {
    if (!words[i].starts_with('-')) {
      names.push_back(words[i++]);
      continue;
    }
    const Result<std::size_t> taken = take_option(words, i, *row, command);
    if (!taken) return std::unexpected(taken.error());
    if (*taken == 0) return usage();
    i += *taken;
  }
  if (names.size() < row->least || names.size() > row->most) return usage();
  if (row->verb == Verb::Kill) {
    const std::string_view text = names[0];
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), command.number);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return usage();
    return command;
  }
  if (!names.empty()) command.service = names[0];
  if (names.size() > 1) command.instance = names[1];
  return command;
}

}  // namespace holdfast
