// A Sink that writes down what it is told, one line each, so that a test compares texts; and a session over
// a file of its own.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/sqlnode/engine.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {

class Recorder final : public Sink {
 public:
  void columns(const std::vector<Column>& columns) override {
    std::string line = "columns";
    for (const Column& column : columns) line += " " + column.name + ":" + type_text(column.type);
    lines.push_back(line);
  }
  bool row(const std::vector<Value>& row) override {
    std::string line = "row";
    for (const Value& value : row) {
      bool null = std::holds_alternative<std::monostate>(value);
      const auto* blob = std::get_if<Blob>(&value);
      line += " " + (null ? "NULL" : blob != nullptr ? "0x" + hex(blob->bytes) : text_of(value));
    }
    lines.push_back(line);
    return ++rows < stop_after;
  }
  void done(bool counted, std::uint64_t count, std::uint16_t command) override {
    if (counted) lines.push_back("done " + std::to_string(count));
    last_command = command;
  }
  void error(const Message& message) override {
    lines.push_back("error " + std::to_string(message.number));
    texts.push_back(message.text);
  }
  void info(const Message& message) override { lines.push_back("info " + message.text); }
  void database(const std::string& now, const std::string& before) override {
    lines.push_back("database " + before + " " + now);
  }
  void language(const std::string& now, const std::string&) override { lines.push_back("language " + now); }
  void began(std::uint64_t) override { lines.push_back("began"); }
  void ended(std::uint64_t, bool committed) override {
    lines.push_back(committed ? "committed" : "rolled back");
  }
  void output(const Parameter& parameter) override {
    lines.push_back("output " + parameter.name + "=" + text_of(parameter.value));
  }
  void status(std::int32_t value) override { lines.push_back("status " + std::to_string(value)); }

  std::string take() {
    std::string out;
    for (const std::string& line : lines) out += line + "\n";
    lines.clear();
    return out;
  }

  std::vector<std::string> lines, texts;
  std::uint16_t last_command = 0;
  std::size_t rows = 0, stop_after = SIZE_MAX;
};

/// A database file that goes with the object.
class File {
 public:
  File() {
    char name[] = "/tmp/holdfast-sqlnode-XXXXXX";
    int file = ::mkstemp(name);
    if (file >= 0) ::close(file);
    path = name;
  }
  ~File() {
    for (const char* tail : {"", "-wal", "-shm"}) ::unlink((path + tail).c_str());
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  std::string path;
};

/// Not `Session`: the node has a class of that name in this namespace.
class TestSession {
 public:
  explicit TestSession(const File& file, int spid = 51)
      : engine(make_engine(open_database(file.path), node(), spid)) {}
  std::string operator()(const std::string& text, const std::vector<Parameter>& parameters = {}) {
    engine->batch(text, parameters, false, sink, cancelled);
    return sink.take();
  }
  NodeFacts node() {
    NodeFacts facts;
    facts.is_primary = [this] { return primary; };
    return facts;
  }
  bool primary = true;
  std::atomic<bool> cancelled = false;
  Recorder sink;
  std::unique_ptr<Engine> engine;
};

}  // namespace holdfast::sqlnode
