#include "proxy/admin_command.h"

#include <charconv>
#include <span>
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

template <class Begin>
AdminReply later(Begin begin) {
  AdminReply reply;
  reply.begin = std::move(begin);
  return reply;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

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
      const auto number = number_of(words[++i]);
      if (!number) return bad("--since needs the number of an event");
      reply.after = *number;
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

AdminReply handover(const Words& words, Admin& admin) {
  std::string group;
  bool force = false;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--force")
      force = true;
    else if (group.empty() && !words[i].starts_with('-'))
      group = words[i];
    else
      return bad("handover takes the name of one group or none, and --force");
  }
  return later([&admin, group, force](Later done) { admin.handover(group, force, std::move(done)); });
}

/// Empty: not all of the text is here yet.
std::optional<AdminReply> push(const Words& words, Bytes behind, Admin& admin) {
  std::uint64_t size = 0;
  if (words.size() > 1) {
    const auto number = words.size() == 2 ? number_of(words[1]) : std::nullopt;
    if (!number || *number == 0) return bad("push takes the size of the configuration behind it, or nothing");
    if (*number > admin_push_max)
      return bad("the configuration is larger than " + std::to_string(admin_push_max) + " bytes");
    size = *number;
  }
  if (behind.size() < size) return std::nullopt;
  return later([&admin, text = std::string(behind.substr(0, size))](Later done) mutable {
    admin.push(std::move(text), std::move(done));
  });
}

AdminReply sql(const Words& words, Admin& admin) {
  auto command = parse_sql_command(std::span(words).subspan(1));
  if (!command) return bad(command.error().text);
  const Duration patience = command->timeout + Duration::seconds(3);
  AdminReply reply = later(
      [&admin, asked = std::move(*command)](Later done) { admin.sql(asked, std::move(done)); });
  reply.patience = patience;
  return reply;
}

AdminReply answer(const Words& words, Admin& admin) {
  if (words.empty()) return bad("no command");
  const std::string_view command = words[0];
  if (command == "status") return status(words, admin);
  if (command == "events") return events(words, admin);
  if (command == "drain" || command == "ready") return set_drained(words, command == "drain", admin);
  if (command == "handover") return handover(words, admin);
  if (command == "sql") return sql(words, admin);
  if (words.size() > 1) return bad(std::string(command) + " takes no argument");
  if (command == "reload") return reload(admin);
  if (command == "metrics") return good(admin.metrics());
  if (command == "config") return good(admin.config());
  if (command == "version") return good(admin.status().facts.version + "\n");
  return bad(
      "no such command; there are status, events, drain, ready, reload, handover, sql, push, metrics, config "
      "and version");
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
  const Words words = split(line);
  if (!words.empty() && words[0] == "push") return push(words, so_far.substr(end + 1), admin);
  return answer(words, admin);
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
