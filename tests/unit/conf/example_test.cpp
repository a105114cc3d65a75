// The shipped examples load, and between them they show every directive there is.
#include <set>

#include "conf/schema.h"
#include "conf/tree.h"
#include "tests/unit/conf/conf_fixture.h"

using namespace holdfast;
using namespace holdfast::conf;

namespace {

const char* const kExamples[] = {"simplex", "duplex", "ivr", "tds", "everything"};

constexpr auto kOwnerOnly = std::filesystem::perms::owner_read | std::filesystem::perms::owner_write;

std::string example(const std::string& name) {
  return file_text(std::string(HOLDFAST_SOURCE_DIR) + "/conf/examples/" + name + ".toml");
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

/// The example as a file in a directory that has every file it names.
Loaded load_example(const Directory& directory, const std::string& name) {
  for (const char* file :
       {"secret", "vrrp-key", "portal.pem", "portal.key", "api.pem", "api.key", "clients.pem", "ca.pem",
        "client.pem", "sql", "sql-password", "sql.pem", "sql.key", "busy.html", "busy.json"})
    std::filesystem::permissions(directory.write(file, "made for this test\n"), kOwnerOnly);
  const std::string text = replaced(example(name), "/etc/holdfast", directory.path());
  LoadOptions options = alone();
  options.node = name == "duplex" || name == "everything" ? "ef-a" : "";
  return load_file(directory.write("holdfast.toml", text), options);
}

void add_used(std::span<const Directive> rows, const Value& table, const std::string& prefix,
              std::set<std::string>& used) {
  for (const Directive& row : rows) {
    const Value* value = table.member(row.name);
    if (!value) continue;
    const std::string name = prefix + std::string(row.name);
    used.insert(name);
    add_used(row.rows, *value, name + ".", used);
    if (row.kind == Kind::SqlRules)
      for (const Value& rule : value->items) add_used(sql_rule_rows(), rule, name + ".", used);
    if (row.kind != Kind::Instances) continue;
    for (const Value& instance : value->items) add_used(instance_rows(), instance, name + ".NAME.", used);
  }
}

void add_all(std::span<const Directive> rows, const std::string& prefix, std::set<std::string>& all) {
  for (const Directive& row : rows) {
    const std::string name = prefix + std::string(row.name);
    all.insert(name);
    add_all(row.rows, name + ".", all);
    if (row.kind == Kind::Instances) add_all(instance_rows(), name + ".NAME.", all);
    if (row.kind == Kind::SqlRules) add_all(sql_rule_rows(), name + ".", all);
  }
}

std::set<std::string> every_directive() {
  std::set<std::string> all;
  for (const Section& section : sections()) add_all(section.rows, std::string(section.name) + ": ", all);
  return all;
}

}  // namespace

TEST_CASE("every example loads, with no error and no surprise") {
  for (const std::string name : kExamples) {
    INFO(name);
    Directory directory;
    const Loaded loaded = load_example(directory, name);
    INFO(all_text(loaded.diagnostics));
    REQUIRE(loaded.snapshot);
    CHECK(loaded.diagnostics.empty());
  }
}

TEST_CASE("the design's own file is read as it is meant") {
  Directory directory;
  const Loaded loaded = load_example(directory, "duplex");
  REQUIRE(loaded.snapshot);
  const Snapshot& s = *loaded.snapshot;
  CHECK(s.cluster == "contact-centre");
  CHECK(s.node == "ef-a");
  CHECK(s.nodes.size() == 2);
  REQUIRE(s.vips.size() == 1);
  CHECK(s.vips[0].addresses == std::vector<std::string>{"10.20.0.10/24"});
  CHECK(s.vips[0].vrid == 51);
  CHECK(s.pair.secret == "made for this test");
  CHECK(s.pair.gateways == std::vector<std::string>{"10.20.0.1"});
  REQUIRE(s.listens.size() == 3);
  CHECK(s.listens[0].name == "portal");
  CHECK(s.listens[0].bind == std::vector<Address>{*Address::parse("10.20.0.10:443")});
  REQUIRE(s.listens[0].tls);
  CHECK(s.listens[0].tls->certificates == std::vector<std::string>{directory.path() + "/portal.pem"});
  CHECK(s.listens[2].protocol == Protocol::Tds);
  CHECK(s.listens[2].service == "sql");
  const Service* supervisor = s.service("supervisor");
  REQUIRE(supervisor);
  CHECK(supervisor->instances[1].address == *Address::parse("10.20.0.12:8443"));
  CHECK(supervisor->check.kind == CheckKind::Http);
  CHECK(supervisor->check.path == "/health");
  CHECK(supervisor->check.every == Duration::millis(500));
  REQUIRE(s.routes.size() == 2);
  CHECK(s.routes[0].listen == std::vector<std::string>{"portal", "api"});
  CHECK(s.routes[0].deadline == Duration::seconds(4));
  CHECK(s.routes[1].path == "/*");
}

TEST_CASE("every directive stands in an example") {
  std::set<std::string> used;
  for (const std::string name : kExamples) {
    const Parsed parsed = parse(example(name));
    REQUIRE(parsed.error == "");
    for (const Section& section : sections()) {
      const Value* value = parsed.root.member(section.name);
      if (!value) continue;
      const std::string prefix = std::string(section.name) + ": ";
      if (section.shape == Shape::One)
        add_used(section.rows, *value, prefix, used);
      else
        for (const Value& item : value->items) add_used(section.rows, item, prefix, used);
    }
  }
  for (const std::string& name : every_directive()) {
    INFO(name);
    CHECK(used.contains(name));
  }
}

TEST_CASE("every directive stands in the reference, under its section, with its default") {
  const std::string text = reference();
  for (const std::string& name : every_directive()) {
    INFO(name);
    const std::size_t colon = name.find(": ");
    const std::string section = name.substr(0, colon);
    std::size_t start = std::min(text.find("## `[" + section), text.find("## `[[" + section));
    REQUIRE(start != std::string::npos);
    const std::size_t end = text.find("\n## ", start);
    CHECK(text.substr(start, end - start).find("| `" + name.substr(colon + 2) + "` |") != std::string::npos);
  }
  CHECK(text.find("| `deadline` | duration, 1ms to 1d | `60s` |") != std::string::npos);
  CHECK(text.find("`never`, `unsent`, `idempotent`, `keyed`, `always`") != std::string::npos);
}
