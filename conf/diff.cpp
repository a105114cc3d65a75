// What a reload changes, by walking the schema over both snapshots: a directive added to the schema is
// in the diff without a line here. Only instances have words of their own.
#include <algorithm>
#include <unordered_map>

#include "conf/load.h"
#include "conf/schema.h"
#include "conf/show.h"

namespace holdfast::conf {
namespace {

using Lines = std::vector<std::string>;

std::string or_none(const std::string& text) { return text.empty() ? "(none)" : text; }

const Instance* find(const std::vector<Instance>& all, const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Instance& i) { return i.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::string address_of(const Instance& instance) {
  const std::string text = instance.address.text();
  return text == instance.configured_address ? text : instance.configured_address + " (" + text + ")";
}

std::vector<std::string> common_names(const std::vector<Instance>& of, const std::vector<Instance>& with) {
  std::vector<std::string> names;
  for (const Instance& instance : of)
    if (find(with, instance.name)) names.push_back(instance.name);
  return names;
}

void diff_instances(const std::vector<Instance>& before, const std::vector<Instance>& after,
                    const std::string& where, Lines& lines) {
  for (const Instance& old : before)
    if (!find(after, old.name))
      lines.push_back(where + ": instance " + old.name + " removed (" + address_of(old) + ")");
  for (const Instance& now : after) {
    const std::string what = where + ": instance " + now.name;
    const Instance* old = find(before, now.name);
    if (!old) {
      lines.push_back(what + " added (" + address_of(now) + ")");
      continue;
    }
    if (old->address != now.address || old->configured_address != now.configured_address)
      lines.push_back(what + " address " + address_of(*old) + " -> " + address_of(now));
    if (old->weight != now.weight)
      lines.push_back(what + " weight " + std::to_string(old->weight) + " -> " + std::to_string(now.weight));
  }
  if (common_names(before, after) != common_names(after, before))
    lines.push_back(where + ": instances in another order");
}

bool another_secret(const Slot& old, const Slot& now) {
  const auto reveal = [](const Slot& slot) -> Bytes {
    if (const auto* const* text = std::get_if<std::string*>(&slot)) return **text;
    const auto* const* secret = std::get_if<Secret*>(&slot);
    return secret ? (*secret)->reveal() : Bytes();
  };
  return reveal(old) != reveal(now);
}

/// Whether it can be seen without words that nothing changed. Nearly all of a reload is as it was.
bool same(const Slot& old, const Slot& now) {
  const auto as_now = [&now]<class T>(T* was) {
    T* const is = std::get<T*>(now);
    if constexpr (std::is_arithmetic_v<T> || std::is_enum_v<T> || std::is_same_v<T, Duration> ||
                  std::is_same_v<T, std::string> || std::is_same_v<T, std::vector<std::string>>)
      return *was == *is;
    else if constexpr (std::is_same_v<T, Route>)  // its error page
      return was->error_type == is->error_type && was->error_page == is->error_page;
    else if constexpr (requires { was->empty(); })
      return was->empty() && is->empty();
    else
      return false;
  };
  return std::visit(
      [&](auto was) {
        if constexpr (std::is_same_v<decltype(was), std::monostate>)
          return true;
        else
          return as_now(was);
      },
      old);
}

void diff_rows(std::span<const Directive> rows, void* before, void* after, const std::string& where,
               const std::string& prefix, Lines& lines) {
  for (const Directive& row : rows) {
    const auto name = [&] { return prefix + std::string(row.name); };
    if (row.kind == Kind::Group || row.kind == Kind::Option) {
      void* old = row.open(before, false);
      void* now = row.open(after, false);
      if (old && now)
        diff_rows(row.rows, old, now, where, name() + ".", lines);
      else if (old || now)
        lines.push_back(where + ": " + name() + (now ? " added" : " removed"));
      continue;
    }
    const Slot old = row.slot(before), now = row.slot(after);
    if (same(old, now)) continue;
    if (row.kind == Kind::Instances) {
      diff_instances(*std::get<std::vector<Instance>*>(old), *std::get<std::vector<Instance>*>(now), where,
                     lines);
      continue;
    }
    std::string was = show(row, old), is = show(row, now);
    if (row.kind == Kind::Secret && was == is)  // shown, they would look alike
      is += another_secret(old, now) ? ", another one" : "";
    if (was != is) lines.push_back(where + ": " + name() + " " + or_none(was) + " -> " + or_none(is));
  }
}

using Items = std::span<const Item>;
using Index = std::unordered_map<std::string_view, const Item*>;

Index by_name(Items items) {
  Index index;
  for (const Item& item : items) index.emplace(item.name, &item);
  return index;
}

/// Takes off what both begin and end with: nearly all of a list is as it was, and a reload waits for this.
void leave_out_equal(const Section& section, Items& before, Items& after) {
  if (!section.equal) return;
  const auto equal = [&](const Item& a, const Item& b) { return section.equal(a.object, b.object); };
  while (!before.empty() && !after.empty() && equal(before.front(), after.front()))
    before = before.subspan(1), after = after.subspan(1);
  while (!before.empty() && !after.empty() && equal(before.back(), after.back()))
    before = before.first(before.size() - 1), after = after.first(after.size() - 1);
}

void diff_section(const Section& section, Snapshot& before, Snapshot& after, Lines& lines) {
  const std::vector<Item> all_before = section.items(before), all_after = section.items(after);
  Items old_items = all_before, new_items = all_after;
  leave_out_equal(section, old_items, new_items);
  const auto where = [&](const Item& item) {
    std::string text(section.name);
    if (!item.name.empty()) text.append(section.shape == Shape::List ? " " : ".").append(item.name);
    return text;
  };
  const Index old_index = by_name(old_items), new_index = by_name(new_items);
  for (const Item& item : old_items)
    if (!new_index.contains(item.name)) lines.push_back(where(item) + ": removed");
  for (const Item& item : new_items) {
    const auto old = old_index.find(item.name);
    if (old == old_index.end())
      lines.push_back(where(item) + ": added");
    else
      diff_rows(section.rows, old->second->object, item.object, where(item), "", lines);
  }
}

}  // namespace

std::vector<std::string> diff(const Snapshot& before, const Snapshot& after) {
  Lines lines;
  // A slot points into what may be written; nothing is written here.
  auto& old = const_cast<Snapshot&>(before);
  auto& now = const_cast<Snapshot&>(after);
  for (const Section& section : sections()) diff_section(section, old, now, lines);
  if (before.node != after.node)
    lines.push_back("this node: " + or_none(before.node) + " -> " + or_none(after.node));
  return lines;
}

}  // namespace holdfast::conf
