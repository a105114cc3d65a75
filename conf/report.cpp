#include "conf/report.h"

#include <algorithm>
#include <charconv>
#include <tuple>

#include "conf/schema.h"

namespace holdfast::conf {
namespace {

constexpr std::size_t kMostDiagnostics = 200;  // a hostile file must not fill the screen or memory
constexpr std::size_t kLongestQuote = 80;
constexpr std::size_t kLongestCompared = 64;

/// Edits (insert, delete, change, swap of neighbours) that turn one name into the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

/// Takes the first name off a path.
std::string_view take_name(std::string_view& path) {
  const std::string_view name = path.substr(0, path.find('.'));
  path.remove_prefix(std::min(name.size() + 1, path.size()));
  return name;
}

/// A table's member, or a list's item by its number.
const Value* part_of(const Value& value, std::string_view name) {
  if (value.kind == Value::Kind::Table) return value.member(name);
  std::size_t at = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), at);
  const bool number = error == std::errc() && end == name.data() + name.size();
  return value.kind == Value::Kind::List && number && at < value.items.size() ? &value.items[at] : nullptr;
}

std::string joined(std::span<const std::string_view> names) {
  std::string out;
  for (std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += quoted(name);
  }
  return out;
}

}  // namespace

std::string Diagnostic::format() const {
  std::string out = file;
  if (line) out += ":" + std::to_string(line) + ":" + std::to_string(column);
  return out + (error ? ": error: " : ": warning: ") + text;
}

Report::Found Report::find(std::string_view path) const {
  const std::string_view first = take_name(path);
  const auto known = std::ranges::find(sections(), first, &Section::name);
  const Value* at = root_ ? root_->member(first) : nullptr;
  if (!at || known == sections().end()) return {};
  Found found;
  if (known->shape == Shape::One) {
    if (at->kind != Value::Kind::Table) return {};
    found = {at->name_place, path.empty()};
  } else if (at = part_of(*at, take_name(path)); at) {
    found = {known->shape == Shape::Named ? at->name_place : at->place, path.empty()};
  }
  while (at && !path.empty()) {
    at = part_of(*at, take_name(path));
    if (at) found = {at->place, path.empty()};
  }
  return found;
}

void Report::add(bool error, Place place, std::string text) {
  errors_ += error ? 1 : 0;
  if (diagnostics_.size() > kMostDiagnostics) return;
  Diagnostic added{error, file_, place.line, place.column, std::move(text)};
  if (diagnostics_.size() == kMostDiagnostics)
    added = {error, file_, 0, 0, "there are more; these were left out"};
  const auto later = std::upper_bound(diagnostics_.begin(), diagnostics_.end(), added,
                                      [](const Diagnostic& a, const Diagnostic& b) {
                                        return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                                      });
  diagnostics_.insert(later, std::move(added));
}

std::vector<Diagnostic> Report::take() { return std::move(diagnostics_); }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text.substr(0, kLongestQuote))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > kLongestQuote ? "...\"" : "\"");
}

std::string suggestion(std::string_view name, std::span<const std::string_view> valid) {
  std::string_view best;
  std::size_t least = name.size() / 3 + 2;  // farther than that is another word, not a slip
  if (name.size() <= kLongestCompared) {
    for (std::string_view candidate : valid) {
      const std::size_t d = distance(name, candidate);
      if (d < least && d < std::max(name.size(), candidate.size())) least = d, best = candidate;
    }
  }
  if (!best.empty()) return "; did you mean " + quoted(best) + "?";
  if (valid.empty()) return "; there is none";
  return valid.size() <= 16 ? "; valid: " + joined(valid) : "; see `holdfast reference`";
}

}  // namespace holdfast::conf
