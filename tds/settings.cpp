#include "tds/settings.h"

#include <algorithm>

#include "tds/little.h"

namespace holdfast::tds {

namespace {

constexpr std::uint8_t isolation_state = 7;  // its id in SESSIONSTATE

bool isolation(const Setting& setting) { return setting.key.find("ISOLATION") != std::string::npos; }

bool on(const Setting& setting) { return setting.text.ends_with(" ON"); }

bool has(UnrecoverableSet set, Unrecoverable what) {
  return (set & static_cast<UnrecoverableSet>(what)) != 0;
}

}  // namespace

std::string bracketed(Bytes utf16) {
  std::string out = "[";
  for (const char c : to_utf8(utf16)) {
    out.push_back(c);
    if (c == ']') out.push_back(c);
  }
  return out + "]";
}

void Settings::login(Bytes database, Bytes language, Bytes collation,
                     std::vector<SessionStateValue> initial) {
  initial_ = {std::string(database), std::string(language), std::string(collation), std::move(initial)};
  database_ = database;
  language_ = language;
  collation_ = collation;
}

void Settings::set(const Setting& setting) {
  if (isolation(setting)) isolation_unknown_ = false;
  std::erase_if(settings_, [&](const Setting& old) { return old.key == setting.key; });
  if (settings_.size() >= settings_max || setting.text.size() > text_max)
    return add(Unrecoverable::UnknownSetting);
  settings_.push_back(setting);
}

void Settings::flags() {
  implicit_ = false;
  for (const Setting& setting : settings_) {
    if (setting.key == "IMPLICIT_TRANSACTIONS" || setting.key == "ANSI_DEFAULTS") implicit_ = on(setting);
  }
}

void Settings::temporary(const StatementFacts& facts, bool failed) {
  const bool stays = has(facts.leaves, Unrecoverable::TemporaryTable);
  if (!stays && (temporary_.empty() || facts.drops_temporary.empty())) return;
  if (stays && facts.makes_temporary.empty()) add(Unrecoverable::TemporaryTable);
  const auto among = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  // In which order one batch makes and drops the same name is not known here: it counts as there.
  if (!failed)
    std::erase_if(temporary_, [&](const std::string& name) { return among(facts.drops_temporary, name); });
  if (!stays) return;
  for (const std::string& name : facts.makes_temporary) {
    if (among(temporary_, name)) continue;
    if (temporary_.size() >= temporary_max)
      add(Unrecoverable::TemporaryTable);
    else
      temporary_.push_back(name);
  }
}

void Settings::apply(const StatementFacts& facts, bool failed) {
  const auto table = static_cast<UnrecoverableSet>(Unrecoverable::TemporaryTable);
  lost_ |= static_cast<UnrecoverableSet>(facts.leaves & ~table);
  temporary(facts, failed);
  if (facts.settings.empty()) return;
  if (failed) add(Unrecoverable::UnknownSetting);
  for (const Setting& setting : facts.settings) set(setting);
  flags();
}

void Settings::reset() {
  std::erase_if(settings_, [](const Setting& setting) { return !isolation(setting); });
  temporary_.clear();
  std::erase_if(states_, [](const State& state) { return state.id != isolation_state; });
  if (has(lost_, Unrecoverable::UnknownSetting)) isolation_unknown_ = true;
  lost_ = 0;
  database_ = initial_.database;
  language_ = initial_.language;
  collation_ = initial_.collation;
  flags();
}

void Settings::session_state(const SessionState& state) {
  std::size_t size = 0;
  for (const State& kept : states_) size += kept.value.size();
  for (const SessionStateValue& value : state.states) {
    size += value.value.size();
    if (size > state_max) return add(Unrecoverable::UnknownSetting);
    auto at = std::find_if(states_.begin(), states_.end(), [&](const State& s) { return s.id == value.id; });
    if (at == states_.end()) at = states_.insert(at, State{value.id, true, {}});
    at->recoverable = state.recoverable;
    at->value = value.value;
  }
  if (state.states.empty() && !state.recoverable) add(Unrecoverable::UnknownSetting);
}

UnrecoverableSet Settings::unrecoverable(bool attested) const {
  auto set = lost_;
  const auto unknown = static_cast<UnrecoverableSet>(Unrecoverable::UnknownSetting);
  if (isolation_unknown_) set |= unknown;
  if (attested) {
    set &= static_cast<UnrecoverableSet>(~unknown);
    if (std::any_of(states_.begin(), states_.end(), [](const State& s) { return !s.recoverable; }))
      set |= unknown;
  }
  if (!temporary_.empty()) set |= static_cast<UnrecoverableSet>(Unrecoverable::TemporaryTable);
  return set;
}

std::string Settings::recovery_data() const {
  RecoveryState now{database_, language_, collation_, {}};
  for (const State& state : states_) now.states.push_back({state.id, state.value});
  return build_recovery_data(initial_, now);
}

std::string Settings::restoring_batch(Bytes database, Bytes language) const {
  std::string batch;
  const auto say = [&](const std::string& text) { batch += text + ";\n"; };
  if (!language_.empty() && language_ != language) say("SET LANGUAGE " + bracketed(language_));
  for (const Setting& setting : settings_) say(setting.text);
  if (!database_.empty() && database_ != database) say("USE " + bracketed(database_));
  return batch;
}

bool Settings::isolation_default() const {
  if (isolation_unknown_ || has(lost_, Unrecoverable::UnknownSetting)) return false;
  const auto at = std::find_if(settings_.begin(), settings_.end(), isolation);
  return at == settings_.end() || at->text.ends_with(" READ COMMITTED");
}

std::string Settings::isolation_batch() const {
  for (const State& state : states_)
    if (state.id == isolation_state) return {};
  const auto at = std::find_if(settings_.begin(), settings_.end(), isolation);
  return at == settings_.end() ? "" : at->text + ";\n";
}

std::size_t Settings::memory() const {
  std::size_t size = database_.size() + language_.size() + collation_.size();
  for (const Setting& setting : settings_) size += setting.key.size() + setting.text.size();
  for (const std::string& name : temporary_) size += name.size();
  for (const State& state : states_) size += state.value.size() + sizeof state;
  for (const SessionStateValue& state : initial_.states) size += state.value.size();
  return size;
}

}  // namespace holdfast::tds
