#include "conf/load.h"
#include "conf/schema.h"
#include "conf/units.h"

namespace holdfast::conf {
namespace {

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::Group:
    case Kind::Option: return "table";
    case Kind::Boolean: return "true or false";
    case Kind::Count: return "number";
    case Kind::Size: return "size";
    case Kind::Duration: return "duration";
    case Kind::TextList: return "text, or list of texts";
    case Kind::File:
    case Kind::SecretFile: return "readable file";
    case Kind::Secret: return "file with a secret";
    case Kind::FileList: return "readable file, or list of files";
    case Kind::Directory: return "directory";
    case Kind::Output: return "file";
    case Kind::BindList: return "address, or list of addresses";
    case Kind::NetworkList: return "network, or list of networks";
    case Kind::Instances: return "table of instances";
    case Kind::CheckPath: return "path";
    case Kind::CheckFlag: return "true";
    case Kind::StatusRange: return "status or range";
    case Kind::HeaderMap: return "table of names and values";
    case Kind::HeaderNames: return "name, or list of names";
    case Kind::ErrorPage: return "readable file";
    case Kind::SqlRules: return "list of tables";
    case Kind::TimeOfDay: return "time of day, such as \"22:30\"";
    case Kind::Text:
    case Kind::Choice:
    case Kind::TlsVersion: return "text";
  }
  return "";
}

std::string range_text(const Directive& row) {
  const auto [min, max] = row.range;
  if (!max) return {};
  const auto millis = [](std::uint64_t ms) {
    return format_duration(Duration::millis(static_cast<std::int64_t>(ms)));
  };
  switch (row.kind) {
    case Kind::Count: return ", " + std::to_string(min) + " to " + std::to_string(max);
    case Kind::Secret: return ", " + std::to_string(min) + " to " + std::to_string(max) + " bytes";
    case Kind::Size: return ", " + format_size(min) + " to " + format_size(max);
    case Kind::Duration: return ", " + millis(min) + " to " + millis(max);
    default: return {};
  }
}

std::string choice_text(const Directive& row, void* object) {
  std::string out;
  if (row.kind != Kind::Choice) return out;
  for (std::string_view name : choices(row, row.slot(object)))
    out += (out.empty() ? ": `" : ", `") + std::string(name) + "`";
  return out;
}

std::string default_text(const Directive& row) {
  if (row.required) return "required";
  return row.fallback.empty() ? "" : "`" + std::string(row.fallback) + "`";
}

void add_rows(std::span<const Directive> rows, void* object, const std::string& prefix, std::string& out) {
  for (const Directive& row : rows) {
    const std::string name = prefix + std::string(row.name);
    out += "| `" + name + "` | " + kind_name(row.kind) + choice_text(row, object) + range_text(row) + " | " +
           default_text(row) + " | " + std::string(row.text) + " |\n";
    Instance instance;
    if (row.kind == Kind::Instances) add_rows(instance_rows(), &instance, name + ".NAME.", out);
    SqlRule rule;
    if (row.kind == Kind::SqlRules) add_rows(sql_rule_rows(), &rule, name + ".", out);
    if (!row.rows.empty()) add_rows(row.rows, row.open(object, true), name + ".", out);
  }
}

std::string heading(const Section& section) {
  const std::string name(section.name);
  if (section.shape == Shape::List) return "[[" + name + "]]";
  return section.shape == Shape::Named ? "[" + name + ".NAME]" : "[" + name + "]";
}

}  // namespace

std::string reference() {
  std::string out =
      "# Configuration reference\n\n"
      "Made by `holdfast reference` from the table that also reads the file. The file is TOML. A duration is "
      "a\n"
      "whole number and `us`, `ms`, `s`, `m`, `h` or `d`; a size a whole number and `B`, `KiB`, `MiB`, "
      "`GiB`, `KB`,\n"
      "`MB` or `GB`: a bare number is neither. File names that do not begin with `/` start at the\n"
      "configuration's own directory. A dotted name such as `timeouts.idle` may be written so, or as\n"
      "`timeouts = { idle = \"75s\" }`.\n";
  for (const Section& section : sections()) {
    Snapshot sample;
    out += "\n## `" + heading(section) + "`\n\n" + std::string(section.text) +
           "\n\n| directive | type | default | meaning |\n|---|---|---|---|\n";
    add_rows(section.rows, section.add(sample, "NAME"), "", out);
  }
  return out;
}

}  // namespace holdfast::conf
