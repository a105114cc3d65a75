#include "tests/sqlnode/control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>
#include <thread>
#include <vector>

namespace holdfast::sqlnode {
namespace {

const std::string done = "ok", wrong = std::string("error: one of ") + control_help;

std::uint32_t number(const std::string& word) {
  return static_cast<std::uint32_t>(std::strtoul(word.c_str(), nullptr, 10));  // "off" is 0
}

std::string off_is_empty(const std::string& word) { return word == "off" ? std::string() : word; }

std::string set_role(Node& node, const std::string& word) {
  const auto role = parse_role(word);
  if (!role) return "error: " + role.error().text;
  node.set_role(*role);
  return done;
}

std::string two_words(Node& node, const std::string& what, const std::string& word) {
  Faults& faults = node.faults;
  if (what == "role") return set_role(node, word);
  if (what == "kill") return node.kill(std::atoi(word.c_str())) ? done : "error: no such session";
  if (what == "die" && word == "now") ::_exit(9);
  if (what == "hold" && word == "commit")
    faults.hold_commits();
  else if (what == "refuse")
    faults.refuse = number(word);
  else if (what == "slow")
    faults.slow_ms = number(word);
  else if (what == "split")
    faults.split = number(word);
  else if (what == "recoverable")
    faults.recoverable = word != "0";
  else if (what == "route")
    faults.set_route(off_is_empty(word));
  else if (what == "mirror")
    faults.set_mirror(off_is_empty(word));
  else if (what == "odd" && word == "packets")
    faults.odd_packets = true;
  else
    return wrong;
  return done;
}

void talk(Node& node, int fd) {
  std::string line;
  char buffer[512];
  while (true) {
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) break;
    for (const char c : Bytes(buffer, static_cast<std::size_t>(n))) {
      if (c != '\n') {
        line.push_back(c);
        continue;
      }
      const std::string answer = command(node, line) + "\n";
      line.clear();
      if (::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
  }
  ::close(fd);
}

}  // namespace

std::string command(Node& node, const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.size() == 1 && words[0] == "stats") return node.stats();
  if (words.size() == 1 && words[0] == "release") {
    node.faults.release();
    return done;
  }
  if (words.size() == 2) return two_words(node, words[0], words[1]);
  if (words.size() == 3 && words[0] == "die" && words[1] == "at") {
    node.faults.die_at(number(words[2]));
    return done;
  }
  if (words.size() == 3 && words[0] == "odd" && words[1] == "packets") {
    node.faults.odd_packets = words[2] == "on";
    return done;
  }
  return wrong;
}

Status start_control(Node& node, const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return fail(Blame::Operator, "the control path is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  ::unlink(path.c_str());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::umask(0077);
  if (fd < 0 || ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd, 16) != 0)
    return fail(Blame::Operator, std::string("control socket: ") + std::strerror(errno));
  std::thread([&node, fd] {
    while (true) {
      const int client = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
      if (client >= 0) std::thread([&node, client] { talk(node, client); }).detach();
    }
  }).detach();
  return {};
}

}  // namespace holdfast::sqlnode
