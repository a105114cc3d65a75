#include "vrrp/message.h"

#include <array>
#include <utility>

#include "vrrp/fields.h"
#include "vrrp/heartbeat.h"

namespace holdfast::vrrp {
namespace {

constexpr std::size_t max_name = 255;
constexpr std::size_t length_size = 4;

/// A message as the codec sees it: const for a writer.
template <class Codec, class T>
using In = typename Codec::template Field<T>;

// One function per type names its fields, in their order on the wire, for both directions.

template <class C>
void fields(C& codec, In<C, ActiveInstance>& active) {
  codec.name(active.service, max_name, false);
  codec.name(active.instance, max_name, true);
}
template <class C>
void fields(C& codec, In<C, Hello>& m) {
  codec.number(m.version);
  codec.name(m.cluster, max_name, false);
  codec.name(m.node, max_name, false);
  codec.name(m.program, max_name, true);
  codec.number(m.boot);
  codec.exactly(m.heartbeat_key, heartbeat_key_size);
  codec.list(m.sources, max_sources, [](C& c, auto& source) { c.name(source, max_name, false); });
}
template <class C>
void fields(C& codec, In<C, StateMessage>& m) {
  codec.list(m.state.claims, max_claims, [](C& c, auto& claim) { claim_fields(c, claim); });
  codec.list(m.state.services, max_services, [](C& c, auto& active) { fields(c, active); });
  codec.name(m.state.config_hash, max_name, true);
  codec.number(m.state.generation);
  codec.number(m.heartbeat);
}
template <class C>
void fields(C& codec, In<C, Prepare>& m) {
  codec.name(m.group, max_group_name, false);
  codec.number(m.epoch);
  codec.name(m.hash, max_name, true);
  codec.flag(m.force);
}
template <class C>
void fields(C& codec, In<C, Prepared>& m) {
  codec.name(m.group, max_group_name, false);
  codec.number(m.epoch);
  codec.flag(m.ready);
  codec.line(m.why);
}
template <class C>
void fields(C& codec, In<C, Take>& m) {
  codec.name(m.group, max_group_name, false);
  codec.number(m.epoch);
}
template <class C>
void fields(C& codec, In<C, Taken>& m) {
  codec.name(m.group, max_group_name, false);
  codec.number(m.epoch);
}
template <class C>
void fields(C& codec, In<C, Gone>& m) {
  codec.name(m.group, max_group_name, false);
}
template <class C>
void fields(C& codec, In<C, Request>& m) {
  codec.name(m.group, max_group_name, false);
}
template <class C>
void fields(C& codec, In<C, Pause>& m) {
  codec.number(m.milliseconds);
}
template <class C>
void fields(C&, In<C, Bye>&) {}
template <class C>
void fields(C& codec, In<C, PushOffer>& m) {
  codec.number(m.id);
  codec.text(m.text);
}
template <class C>
void fields(C& codec, In<C, PushReply>& m) {
  codec.number(m.id);
  codec.flag(m.accepted);
  codec.line(m.why);
}
template <class C>
void fields(C& codec, In<C, PushCommit>& m) {
  codec.number(m.id);
}
template <class C>
void fields(C& codec, In<C, PushDone>& m) {
  codec.number(m.id);
  codec.flag(m.done);
  codec.line(m.why);
}
template <class C>
void fields(C& codec, In<C, PushCancel>& m) {
  codec.number(m.id);
}

template <class T>
std::optional<Message> read_as(Bytes body) {
  T message;
  FieldReader reader(body);
  fields(reader, message);
  if (!reader.whole()) return std::nullopt;
  return message;
}

// The type on the wire is the place in the variant: new messages are added at its end.
using ReadAs = std::optional<Message> (*)(Bytes);
template <std::size_t... I>
constexpr std::array<ReadAs, sizeof...(I)> readers(std::index_sequence<I...>) {
  return {&read_as<std::variant_alternative_t<I, Message>>...};
}
constexpr auto read_type = readers(std::make_index_sequence<std::variant_size_v<Message>>());

bool unambiguous(const Message& message) {
  const auto* told = std::get_if<StateMessage>(&message);
  if (!told) return true;
  const auto& claims = told->state.claims;
  for (std::size_t i = 0; i < claims.size(); ++i)
    for (std::size_t k = 0; k < i; ++k)
      if (claims[i].group == claims[k].group) return false;
  return true;
}

}  // namespace

std::string encode(const Message& message) {
  std::string out(length_size, '\0');
  FieldWriter writer(out);
  writer.number(static_cast<std::uint8_t>(message.index()));
  std::visit([&](const auto& m) { fields(writer, m); }, message);
  if (out.size() - length_size > max_message) return {};
  std::string length;
  FieldWriter(length).number(static_cast<std::uint32_t>(out.size() - length_size));
  return out.replace(0, length_size, length);
}

Result<std::optional<Message>> MessageReader::next() {
  const Bytes unread = Bytes(buffer_).substr(read_);
  Reader head(unread);
  const auto length = head.u32();
  if (!length) return std::nullopt;
  if (*length == 0 || *length > max_message) return fail(Blame::Client, "a message of impossible length");
  const auto type = head.u8();
  if (type && *type >= read_type.size()) return fail(Blame::Client, "a message of unknown type");
  if (unread.size() < length_size + *length) return std::nullopt;
  auto message = read_type[*type](head.rest().substr(0, *length - 1));
  if (!message) return fail(Blame::Client, "a malformed message of type " + std::to_string(*type));
  if (!unambiguous(*message)) return fail(Blame::Client, "two claims for one group");
  read_ += length_size + *length;
  if (read_ == buffer_.size() || read_ > 64u << 10) {
    buffer_.erase(0, read_);
    read_ = 0;
  }
  return message;
}

}  // namespace holdfast::vrrp
