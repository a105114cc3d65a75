#include "proxy/admin_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "proxy/admin_command.h"
#include "proxy/base/log.h"
#include "proxy/commands.h"
#include "tests/unit/proxy/admin_fake.h"

using namespace holdfast;

namespace {

/// A control socket on a real loop, asked by the real client from another thread.
class World {
 public:
  World() {
    char name[] = "/tmp/holdfast-admin-XXXXXX";
    REQUIRE(mkdtemp(name));
    folder_ = name;
    path = folder_ + "/control.sock";
    loop = io::make_uv_loop();
    listener = std::make_unique<AdminListener>(*loop, admin.events_,
                                               [this](Bytes b) { return answer_command(b, admin); });
    io::ListenOptions options;
    options.path = path;
    REQUIRE(listener->open(options));
  }
  ~World() {
    listener.reset();
    ::unlink(path.c_str());
    ::rmdir(folder_.c_str());
  }
  /// Runs the loop while `work` runs beside it.
  void during(const std::function<void()>& work) {
    std::thread thread([&] {
      work();
      loop->post([this] { loop->stop(); });
    });
    loop->run();
    thread.join();
  }

  void tell_when_owed(std::string what) {
    if (!admin.owed) return loop->post([this, what] { tell_when_owed(what); });
    admin.owed(what);
  }

  std::string path;
  FakeAdmin admin;
  std::unique_ptr<io::Loop> loop;
  std::unique_ptr<AdminListener> listener;

 private:
  std::string folder_;
};

}  // namespace

TEST_CASE("control socket: only its owner may use it, and the client gets its answers") {
  World world;
  struct stat info{};
  REQUIRE(::stat(world.path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  std::vector<Result<std::string>> answers;
  world.during([&] {
    answers.push_back(ask(world.path, "version"));
    answers.push_back(ask(world.path, "drain web/a"));
    answers.push_back(ask(world.path, "nonsense"));
    for (int i = 0; i < 100; ++i) answers.push_back(ask(world.path, "metrics"));
  });
  REQUIRE(answers.size() == 103);
  CHECK(answers[0] == "9.9\n");
  CHECK(world.admin.asked == "web|a|drain;");
  CHECK_FALSE(answers[2]);
  CHECK(answers[2].error().text.starts_with("no such command"));
  for (std::size_t i = 3; i < answers.size(); ++i) REQUIRE(answers[i] == "metric 1\n");
}

TEST_CASE(
    "control socket: an answer may come later, large requests are taken, and the rest goes on meanwhile") {
  World world;
  world.admin.at_once = false;
  Result<std::string> moved = "", pushed = "", meanwhile = "";
  const std::string text(admin_push_max, 'x');
  world.during([&] {
    std::thread slow([&] { moved = ask(world.path, "handover"); });
    meanwhile = ask(world.path, "version");
    pushed = ask(world.path, "push " + std::to_string(text.size()) + "\n" + text);
    world.loop->post([&] { world.tell_when_owed("moved to ef-b"); });
    slow.join();
  });
  CHECK(meanwhile == "9.9\n");
  CHECK(pushed == "both nodes have it\n");
  CHECK(world.admin.pushed == text);
  CHECK(moved == "moved to ef-b\n");
}

TEST_CASE("control socket: whoever is owed an answer may leave first, and so may the listener") {
  World world;
  world.admin.at_once = false;
  world.during([&] {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    world.path.copy(to.sun_path, world.path.size());
    REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    REQUIRE(::send(fd, "handover\n", 9, MSG_NOSIGNAL) == 9);
    (void)ask(world.path, "version");  // the loop has been round
    ::close(fd);
    (void)ask(world.path, "version");
  });
  REQUIRE(world.admin.owed);
  SECTION("the client has gone") { world.admin.owed("moved"); }
  SECTION("the listener goes") {
    world.listener.reset();
    world.admin.owed("moved");
  }
  SECTION("nobody ever answers") { world.admin.owed = {}; }
}

TEST_CASE("control socket: nobody there is a clear error") {
  const Result<std::string> answer = ask("/nonexistent/holdfast.sock", "status");
  REQUIRE_FALSE(answer);
  CHECK(answer.error().text.find("is holdfast running?") != std::string::npos);
}

TEST_CASE("control socket: a folder that anyone can write to is refused") {
  char name[] = "/tmp/holdfast-folder-XXXXXX";
  REQUIRE(mkdtemp(name));
  const std::string folder = name, path = folder + "/s";
  CHECK(check_socket_folder(path));
  REQUIRE(::chmod(name, 0777) == 0);
  CHECK_FALSE(check_socket_folder(path));
  REQUIRE(::chmod(name, 01777) == 0);  // sticky, as /tmp is: nobody can replace another's file
  CHECK(check_socket_folder(path));
  ::rmdir(name);
  CHECK_FALSE(check_socket_folder(path));
}
