#include "proxy/admin_command.h"

#include <charconv>
#include <vector>

#include "proxy/json.h"

namespace holdfast {

namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view line) {
  Words words;
  while (!line.empty()) {
    const std::size_t space = line.find(' ');
    if (space != 0) words.push_back(line.substr(0, space));
    line.remove_prefix(space == line.npos ? line.size() : space + 1);
  }
  return words;
}

AdminReply good(std::string text) { return {"ok\n" + std::move(text), false, false, 0}; }
AdminReply bad(std::string_view why) { return {"error\n" + std::string(why) + "\n", false, false, 0}; }

AdminReply set_drained(const Words& words, bool drained, Admin& admin) {
  const std::string_view target = words.size() == 2 ? words[1] : std::string_view{};
  const std::size_t slash = target.find('/');
  if (slash == 0 || slash == target.npos || slash + 1 == target.size())
    return bad(std::string(words[0]) + " needs one SERVICE/INSTANCE");
  const Status done = admin.set_drained(target.substr(0, slash), target.substr(slash + 1), drained);
  if (!done) return bad(done.error().text);
  return good(std::string(target) + (drained ? " is drained: it gets nothing new\n" : " is ready\n"));
}

AdminReply events(const Words& words, Admin& admin) {
  AdminReply reply{"ok\n", false, false, 0};
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--follow") {
      reply.follow = true;
    } else if (words[i] == "--json") {
      reply.json = true;
    } else if (words[i] == "--since" && i + 1 < words.size()) {
      const std::string_view number = words[++i];
      const char* end = number.data() + number.size();
      const auto parsed = std::from_chars(number.data(), end, reply.after);
      if (parsed.ec != std::errc{} || parsed.ptr != end) return bad("--since needs the number of an event");
    } else {
      return bad("events takes --since N, --follow and --json");
    }
  }
  for (const Event& event : admin.events().since(reply.after)) {
    reply.text += event_line(event, reply.json);
    reply.after = event.number;
  }
  return reply;
}

AdminReply status(const Words& words, Admin& admin) {
  if (words.size() == 2 && words[1] == "--json") return good(status_json(admin.status()) + "\n");
  if (words.size() != 1) return bad("status takes --json or nothing");
  return good(status_text(admin.status()));
}

AdminReply reload(Admin& admin) {
  const Status done = admin.reload();
  return done ? good("reloaded\n") : bad(done.error().text);
}

AdminReply answer(const Words& words, Admin& admin) {
  if (words.empty()) return bad("no command");
  const std::string_view command = words[0];
  if (command == "status") return status(words, admin);
  if (command == "events") return events(words, admin);
  if (command == "drain" || command == "ready") return set_drained(words, command == "drain", admin);
  if (words.size() > 1) return bad(std::string(command) + " takes no argument");
  if (command == "reload") return reload(admin);
  if (command == "metrics") return good(admin.metrics());
  if (command == "config") return good(admin.config());
  if (command == "version") return good(admin.status().facts.version + "\n");
  return bad("no such command; there are status, events, drain, ready, reload, metrics, config and version");
}

}  // namespace

std::optional<AdminReply> answer_command(Bytes so_far, Admin& admin) {
  const std::size_t end = so_far.substr(0, admin_command_max).find('\n');
  if (end == so_far.npos) {
    if (so_far.size() < admin_command_max) return std::nullopt;
    return bad("the command is too long");
  }
  const std::string_view line = so_far.substr(0, end);
  for (char c : line)
    if (c < ' ' || c > '~') return bad("a command is plain text");
  return answer(split(line), admin);
}

std::string event_line(const Event& event, bool json) {
  std::string out;
  if (json) {
    JsonWriter(out)
        .begin_object()
        .field("number", event.number)
        .field("at", stamp(event.at))
        .field("kind", event.kind)
        .field("subject", event.subject)
        .field("text", event.text)
        .end_object();
    return out += '\n';
  }
  out = stamp(event.at) + " #" + std::to_string(event.number) + " " + event.kind;
  if (!event.subject.empty()) out += " " + event.subject;
  return printable(out + ": " + event.text) + "\n";
}

}  // namespace holdfast
