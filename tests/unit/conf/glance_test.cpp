// The control socket's name in a file that may be broken anywhere else.
#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast::conf;

TEST_CASE("the control socket is found in a good file and in a broken one") {
  const std::string named = "[process]\ncontrol-socket = \"/x/s\" # ours\n";
  const std::string rows[] = {
      named,
      "process.control-socket = \"/x/s\"\n",
      "[process]\nlops = 2\n  control-socket='/x/s'\r\nloops = 3\n",  // read, but not valid
      "x = [\n" + named,
      named + "loops = = 3\n[[[",
      "[listen.web]\nbind = \"\xff\n  [process] # here\nloops = \"2\n\tcontrol-socket = \"/x/s\"\n[listen.web]\n",
  };
  for (const std::string& row : rows) {
    INFO(row);
    CHECK(glance_control_socket(row, "f.toml") == "/x/s");
  }
}

TEST_CASE("a relative control socket starts at the file's directory") {
  const std::string text = "[process]\ncontrol-socket = \"s\"\n";
  CHECK(glance_control_socket(text, "/etc/hf/f.toml") == "/etc/hf/s");
  CHECK(glance_control_socket(text + "= [", "/etc/hf/f.toml") == "/etc/hf/s");
  CHECK(glance_control_socket(text, "f.toml") == "s");
}

TEST_CASE("what names no control socket gives none") {
  const std::string rows[] = {
      "",
      "[process]\nloops = 2\n",
      "[process]\ncontrol-socket = 5\n",
      "[process]\ncontrol-socket = \"/x\n",
      "process = 1\n",
      "x = [\n[listen.web]\ncontrol-socket = \"/x/s\"\n",
      "[[[",
      std::string("\0\xff", 2),
  };
  for (const std::string& row : rows) {
    INFO(row);
    CHECK(glance_control_socket(row, "f.toml").empty());
  }
}
