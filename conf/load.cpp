#include "conf/load.h"

#include <algorithm>
#include <set>

#include "conf/file.h"
#include "conf/read.h"
#include "conf/rules.h"
#include "conf/validate.h"

namespace holdfast::conf {
namespace {

constexpr std::size_t kLargestFile = 4 << 20;
constexpr std::size_t kMostItems = 4096;  // of one section

/// FNV-1a, 64 bits, as hex: tells two texts apart, and protects nothing.
std::string hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  std::string out(16, '0');
  for (std::size_t i = 16; i-- > 0; hash >>= 4) out[i] = "0123456789abcdef"[hash & 15];
  return out;
}

void read_named(Reading& r, Snapshot& s, const Section& section, const Value& value) {
  const std::string name(section.name);
  if (value.kind != Value::Kind::Table)
    return r.report.error(value.name_place, "expected [" + name + ".NAME]; got " + describe(value.kind));
  if (value.items.size() > kMostItems)
    return r.report.error(value.name_place, "there are too many of [" + name + ".NAME]");
  for (const Value& item : value.items) {
    const std::string title = "[" + name + "." + item.name + "]";
    if (const char* expected = rule_name(item.name)) {
      r.report.error(item.name_place, std::string("expected ") + expected + "; got " + quoted(item.name));
    } else if (item.kind != Value::Kind::Table) {
      r.report.error(item.name_place, "expected [" + name +
                                          ".NAME], a section with a name of your own; got " +
                                          quoted(item.name) + " as " + describe(item.kind));
    } else {
      read_table(r, item, section.rows, section.add(s, item.name), title);
    }
  }
}

void read_listed(Reading& r, Snapshot& s, const Section& section, const Value& value) {
  const std::string title = "[[" + std::string(section.name) + "]]";
  if (value.kind != Value::Kind::List) {
    r.report.spoil(std::string(section.name));
    return r.report.error(value.name_place,
                          "expected " + title + ", in two pairs of brackets; got " + describe(value.kind));
  }
  if (value.items.size() > kMostItems)
    return r.report.error(value.name_place, "there are too many of " + title);
  Snapshot aside;  // there may be thousands, and the defaults of all are the same: they are read once
  void* const blank = section.add(aside, "");
  read_defaults(r, Value{}, section.rows, blank, title);
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    const Value& item = value.items[i];
    const std::size_t before = r.report.errors();
    void* object = section.copy(s, blank);
    if (item.kind == Value::Kind::Table)
      read_given(r, item, section.rows, object, title);
    else
      report_type(r, item, title);
    if (r.report.errors() > before)
      r.report.spoil(std::string(section.name) + "." + std::to_string(i));
  }
}

void read_sections(Reading& r, Snapshot& s, const Value& root) {
  std::vector<std::string_view> names;
  for (const Section& section : sections()) names.push_back(section.name);
  for (const Value& item : root.items)
    if (std::find(names.begin(), names.end(), item.name) == names.end())
      r.report.error(item.name_place,
                     "there is no section " + quoted(item.name) + suggestion(item.name, names));
  for (const Section& section : sections()) {
    const Value* value = root.member(section.name);
    const std::string name(section.name);
    if (section.shape == Shape::Named) {
      if (value) read_named(r, s, section, *value);
    } else if (section.shape == Shape::List) {
      if (value) read_listed(r, s, section, *value);
    } else if (value && value->kind != Value::Kind::Table) {
      r.report.error(value->name_place, "expected [" + name + "]; got " + describe(value->kind));
    } else if (value) {
      read_table(r, *value, section.rows, section.add(s, ""), "[" + name + "]");
    } else {
      // A simplex file has no cluster, and needs no name for it; the other defaults hold.
      const auto rows = section.name == "cluster" ? section.rows.subspan(1) : section.rows;
      read_table(r, Value{}, rows, section.add(s, ""), "[" + name + "]");
    }
  }
}

/// Five lines are a configuration: with one service and no route, all HTTP requests go to it.
void imply_route(Reading& r, Snapshot& s, const Value& root) {
  if (root.member("route")) return;
  std::set<std::string> relayed;
  bool http = false;
  for (const Listen& listen : s.listens) {
    if (listen.protocol == Protocol::Tds) relayed.insert(listen.service);
    http = http || listen.protocol == Protocol::Http;
  }
  const Service* only = nullptr;
  for (const Service& service : s.services) {
    if (relayed.contains(service.name)) continue;
    if (only) return;
    only = &service;
  }
  if (!only || !http) return;
  Value service;
  service.kind = Value::Kind::Text;
  service.name = "service";
  service.text = only->name;
  Value route;
  route.items.push_back(std::move(service));
  for (const Section& section : sections())
    if (section.shape == Shape::List)
      read_table(r, route, section.rows, section.add(s, ""), "[[route]]");
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& name, const LoadOptions& options) {
  Report report(name);
  auto snapshot = std::make_shared<Snapshot>();
  const Parsed parsed = parse(text);
  if (!parsed.error.empty()) {
    report.error(parsed.place, parsed.error);
    return {nullptr, report.take()};
  }
  const std::size_t slash = name.rfind('/');
  Reading reading{report, *snapshot, slash == std::string::npos ? "" : name.substr(0, slash),
                  options.look_up};
  report.look_in(parsed.root);
  read_sections(reading, *snapshot, parsed.root);
  imply_route(reading, *snapshot, parsed.root);
  validate(*snapshot, report);
  find_node(*snapshot, options, report);
  snapshot->file = name;
  snapshot->hash = hash_of(text);
  snapshot->generation = 1;
  if (report.failed()) return {nullptr, report.take()};
  return {std::move(snapshot), report.take()};
}

Loaded load_file(const std::string& path, const LoadOptions& options) {
  const FileText file = read_whole(path, kLargestFile);
  if (file.error.empty()) return load_text(file.text, path, options);
  Report report(path);
  report.error({}, "cannot be read: " + file.error);
  return {nullptr, report.take()};
}

}  // namespace holdfast::conf
