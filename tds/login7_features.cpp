#include "tds/login7_features.h"

#include <algorithm>

#include "tds/little.h"

namespace holdfast::tds {

namespace {

constexpr std::uint8_t terminator = 0xFF;
constexpr std::uint8_t long_length = 0xFF;  // of a state's value: four bytes of length follow
constexpr std::size_t states_max = 256;
constexpr std::size_t collation_size = 5;

std::unexpected<Error> refuse(const char* what) {
  return fail(Blame::Client, std::string("LOGIN7: ") + what);
}

void append_recovery_state(std::string& out, const RecoveryState& state) {
  std::string body;
  LittleWriter(body)
      .b_varchar(state.database)
      .u8(static_cast<std::uint8_t>(state.collation.size()))
      .bytes(state.collation)
      .b_varchar(state.language);
  append_state_values(body, state.states);
  LittleWriter(out).u32(static_cast<std::uint32_t>(body.size())).bytes(body);
}

Result<RecoveryState> parse_recovery_state(LittleReader& in) {
  const auto length = in.u32();
  const auto body = length ? in.bytes(*length) : std::nullopt;
  if (!body) return refuse("recovery data cut short");
  LittleReader fields(*body);
  RecoveryState state;
  state.database = fields.b_varchar().value_or(Bytes{});
  state.collation = fields.bytes(fields.u8().value_or(0)).value_or(Bytes{});
  state.language = fields.b_varchar().value_or(Bytes{});
  if (fields.failed()) return refuse("recovery data cut short");
  if (!state.collation.empty() && state.collation.size() != collation_size)
    return refuse("a collation of a wrong length");
  auto states = parse_state_values(fields.rest());
  if (!states) return std::unexpected(std::move(states).error());
  state.states = std::move(*states);
  return state;
}

}  // namespace

Result<std::vector<FeatureOption>> parse_features(Bytes data) {
  std::vector<FeatureOption> out;
  LittleReader in(data);
  for (;;) {
    const auto id = in.u8();
    if (!id) return refuse("the features do not end");
    if (*id == terminator) return out;
    if (out.size() == features_max) return refuse("too many features");
    if (std::any_of(out.begin(), out.end(), [&](const FeatureOption& other) { return other.id == *id; }))
      return refuse("a feature is there twice");
    const auto length = in.u32();
    const auto value = length ? in.bytes(*length) : std::nullopt;
    if (!value) return refuse("a feature is cut short");
    out.push_back({*id, std::string(*value)});
  }
}

void append_features(std::string& out, const std::vector<FeatureOption>& features) {
  LittleWriter writer(out);
  for (const FeatureOption& option : features)
    writer.u8(option.id).u32(static_cast<std::uint32_t>(option.data.size())).bytes(option.data);
  writer.u8(terminator);
}

std::string build_recovery_data(const RecoveryState& initial, const RecoveryState& now) {
  std::string out;
  append_recovery_state(out, initial);
  append_recovery_state(out, now);
  return out;
}

Result<std::pair<RecoveryState, RecoveryState>> parse_recovery_data(Bytes data) {
  LittleReader in(data);
  auto initial = parse_recovery_state(in);
  if (!initial) return std::unexpected(std::move(initial).error());
  auto now = parse_recovery_state(in);
  if (!now) return std::unexpected(std::move(now).error());
  if (!in.rest().empty()) return refuse("recovery data goes on after its end");
  return std::pair{std::move(*initial), std::move(*now)};
}

Result<std::vector<SessionStateValue>> parse_state_values(Bytes data) {
  std::vector<SessionStateValue> out;
  LittleReader in(data);
  while (!in.rest().empty()) {
    if (out.size() == states_max) return refuse("too many session states");
    const auto id = in.u8();
    std::optional<std::uint32_t> length = in.u8();
    if (length == long_length) length = in.u32();
    const auto value = length ? in.bytes(*length) : std::nullopt;
    if (!value) return refuse("a session state is cut short");
    out.push_back({*id, std::string(*value)});
  }
  return out;
}

void append_state_values(std::string& out, const std::vector<SessionStateValue>& states) {
  LittleWriter writer(out);
  for (const SessionStateValue& state : states) {
    writer.u8(state.id);
    if (state.value.size() < long_length)
      writer.u8(static_cast<std::uint8_t>(state.value.size()));
    else
      writer.u8(long_length).u32(static_cast<std::uint32_t>(state.value.size()));
    writer.bytes(state.value);
  }
}

}  // namespace holdfast::tds
