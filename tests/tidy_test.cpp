// Applies the rules of tidy_check.h to every file of the tree, and to made-up files that break them.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>

#include "tests/tidy_check.h"

using namespace holdfast::tidy;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_data(const std::string& path) {
  return path.starts_with("tests/fuzz/corpus/") || path.find("__pycache__") != path.npos;
}

/// Every file of ours, path from the root -> text.
std::map<std::string, std::string> tree() {
  const fs::path root = HOLDFAST_SOURCE_DIR;
  std::map<std::string, std::string> files;
  for (const char* folder : {"proxy", "tds", "vrrp", "conf", "tests", "bench", ".ci"}) {
    if (!fs::exists(root / folder)) continue;
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = fs::relative(entry.path(), root).generic_string();
      if (entry.is_regular_file() && !is_data(path)) files[path] = read(entry.path());
    }
  }
  for (const auto& entry : fs::directory_iterator(root))
    if (entry.is_regular_file() && entry.path().filename() != ".git")  // a file in a second work tree
      files[entry.path().filename().string()] = read(entry.path());
  return files;
}

void expect_none(const Complaints& complaints) {
  for (const std::string& complaint : complaints) FAIL_CHECK(complaint);
}

std::string repeat(const std::string& s, unsigned n) {
  std::string out;
  for (unsigned i = 0; i < n; ++i) out += s;
  return out;
}

}  // namespace

TEST_CASE("every #include in the tree obeys the dependency rules") {
  unsigned seen = 0;
  for (const auto& [path, text] : tree())
    if (is_source(path)) expect_none(check_includes(path, text)), ++seen;
  CHECK(seen > 20);
}

TEST_CASE("every file in the tree keeps its length and its words") {
  std::map<std::string, std::size_t> lines;
  for (const auto& [path, text] : tree()) {
    expect_none(check_text(path, text));
    if (is_source(path))
      lines[fs::path(path).parent_path().string()] +=
          static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::size_t all = 0;
  for (const auto& [folder, count] : lines) {
    std::cout << "  " << folder << ": " << count << " lines\n";
    all += count;
  }
  std::cout << "  all: " << all << " lines\n";
}

TEST_CASE("the root folder holds only what was agreed") {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(HOLDFAST_SOURCE_DIR))
    names.push_back(entry.path().filename().string());
  expect_none(check_top_level(names));
  CHECK(check_top_level({"proxy", "notes"}) == Complaints{"notes is not an agreed entry of the root folder"});
}

TEST_CASE("a broken dependency rule is found") {
  struct Row {
    const char *path, *line;
    bool allowed;
  };
  const Row rows[] = {
      {"proxy/base/log.cpp", "#include <unistd.h>", true},
      {"proxy/base/log.cpp", "#include \"proxy/io/io.h\"", false},
      {"proxy/io/io.h", "#include \"proxy/base/bytes.h\"", true},
      {"proxy/io/io.h", "#include \"conf/snapshot.h\"", false},
      {"proxy/io/io.h", "#include <chrono>", false},
      {"proxy/io/io_uv.cpp", "#include <uv.h>", true},
      {"proxy/engine.cpp", "#include <uv.h>", false},
      {"proxy/io/tls.cpp", "#include <openssl/ssl.h>", true},
      {"proxy/io/io_uv.cpp", "#include <openssl/ssl.h>", false},
      {"proxy/http/parser.cpp", "#include <llhttp.h>", true},
      {"proxy/http/body.cpp", "#include <llhttp.h>", false},
      {"proxy/http/scan.h", "#include <emmintrin.h>", true},
      {"proxy/http/body.cpp", "#include <emmintrin.h>", false},
      {"conf/parse.cpp", "#include <toml++/toml.h>", true},
      {"conf/schema.cpp", "#include <toml++/toml.h>", false},
      {"vrrp/machine.cpp", "#include \"proxy/io/io.h\"", false},
      {"vrrp/driver.cpp", "#include \"proxy/io/io.h\"", true},
      {"vrrp/machine.cpp", "#include <linux/rtnetlink.h>", false},
      {"proxy/http/exchange.cpp", "#include \"conf/snapshot.h\"", true},
      {"proxy/http/exchange.cpp", "#include \"conf/load.h\"", false},
      {"proxy/http/exchange.cpp", "#include \"proxy/session.h\"", false},
      {"proxy/http/exchange.cpp", "#include <sys/socket.h>", false},
      {"proxy/http/exchange.cpp", "#include <thread>", false},
      {"proxy/http/driver.cpp", "#include \"proxy/session.h\"", true},
      {"proxy/http/driver.cpp", "#include \"tds/packet.h\"", false},
      {"proxy/relay.cpp", "#include \"proxy/http/driver.h\"", false},
      {"proxy/relay.cpp", "#include \"proxy/engine.h\"", false},
      {"proxy/relay.cpp", "#include \"conf/load.h\"", false},
      {"proxy/commands_file.cpp", "#include \"conf/load.h\"", true},
      {"proxy/relay.cpp", "#include \"proxy/http/message.h\"", true},
      {"proxy/engine.cpp", "#include \"tests/tidy_check.h\"", false},
      {"proxy/engine.cpp", "#include \"proxy/http/driver.h\"", true},
      {"proxy/main.cpp", "#include \"proxy/commands.h\"", true},
      {"proxy/engine.cpp", "#include \"engine.h\"", false},
      {"proxy/engine.cpp", "#include <boost/asio.hpp>", false},
      {"tests/unit/proxy/x_test.cpp", "#include \"proxy/http/driver.h\"", true},
      {"lib/x.cpp", "#include <vector>", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path, row.line);
    CHECK(check_includes(row.path, std::string("// text\n") + row.line + "\n").empty() == row.allowed);
  }
  CHECK(check_includes("vrrp/machine.cpp", "#include \"proxy/io/io.h\"\n").at(0) ==
        "vrrp/machine.cpp may not include proxy/io/io.h: vrrp may not depend on io");
}

TEST_CASE("a broken rule about the text is found") {
  struct Row {
    const char* path;
    std::string text;
    bool allowed;
  };
  const std::string pointer = "std::shared_ptr<";
  const Row rows[] = {
      {"proxy/a.cpp", repeat("int a;\n", 500), true},
      {"proxy/a.cpp", repeat("int a;\n", 501), false},
      {"proxy/a.cpp", std::string(120, 'x') + "\n", true},
      {"proxy/a.cpp", std::string(121, 'x') + "\n", false},
      {"proxy/a.cpp", "// " + repeat("é", 117) + "\n", true},
      {"proxy/a.cpp", "throw 1;\n", false},
      {"proxy/a.cpp", "// they throw; \"throw\"\nconst char* s = \"throw\"; int throws;\n", true},
      {"conf/parse.cpp", "throw 1;\n", true},
      {"proxy/a.cpp", pointer + "const Snapshot> s;\n", true},
      {"proxy/a.cpp", pointer + "Session> s;\n", false},
      {"proxy/a.cpp",
       "// the Up"
       "stream\n",
       false},
      {"tests/a.cpp",
       "// the up"
       "stream\n",
       true},
      {"README.md",
       "see /wo"
       "rk/x\n",
       false},
      {"proxy/a.h", "int a;\n", false},
      {"proxy/a.h", "// what\n#pragma once\n", true},
      {"proxy/a.cpp", "int f() {\n" + repeat("g();\n", 68) + "}\n", true},
      {"proxy/a.cpp", "int f() {\n" + repeat("g();\n", 69) + "}\n", false},
      {"proxy/a.cpp", "int a[] = {\n" + repeat("1,\n", 90) + "};\n", true},
      {"proxy/a.cpp", "struct A {\n" + repeat("int f() { return 1; }\n", 90) + "};\n", true},
      {"tests/a.cpp", "TEST_CASE(\"long\") {\n" + repeat("g();\n", 90) + "}\n", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.path, row.text.substr(0, 60));
    CHECK(check_text(row.path, row.text).empty() == row.allowed);
  }
}

TEST_CASE("functions are found by their braces") {
  const auto found = functions(
      "namespace a {\nclass B {\n  B(int x)\n      : y_{x}, z_(\"}{\") {\n    if (x) { g(); }\n  }\n"
      "  int h() const { return '{'; }  // {\n};\n}\n");
  REQUIRE(found.size() == 3);
  CHECK(found[1].lines == 3);
  CHECK(found[2].name == "h");
  CHECK(found[2].line == 7);
  CHECK(found[2].lines == 1);
}
