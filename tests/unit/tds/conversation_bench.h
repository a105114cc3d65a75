// A Conversation between two hands: what it sends either way is kept as bytes, and tests play client and
// server.
#pragma once

#include <string>
#include <vector>

#include "tds/all_headers.h"
#include "tds/answer.h"
#include "tds/conversation.h"
#include "tds/little.h"
#include "tds/packet.h"
#include "tds/rpc.h"
#include "tds/token.h"

namespace holdfast::tds::bench {

inline constexpr std::uint32_t version = tds_version::v7_4;

inline LoginFacts facts() {
  LoginFacts facts;
  facts.version = version;
  facts.database = to_utf16("home");
  facts.server_version = 0x10000000;
  return facts;
}

struct Bench final : ConversationHost {
  explicit Bench(ConversationOptions options = {}, LoginFacts login = facts())
      : conversation(*this, options, login, now) {}

  void to_client(Bytes bytes) override {
    client += bytes;
    client_at = bytes.data();
  }
  void to_server(Bytes bytes) override {
    server += bytes;
    server_at = bytes.data();
  }
  void want_server() override { ++wanted; }
  void drop_server() override { ++dropped; }
  void end(std::string_view outcome, bool reset) override {
    ended = outcome;
    was_reset = reset;
  }
  void on_failover_error(std::uint32_t number) override { failover_error = number; }
  void on_request(const RequestRecord& record) override {
    outcomes.emplace_back(record.outcome);
    own_text = record.own_text;
  }
  bool allow(const RequestRecord&, std::string& why) override {
    why = "not here";
    return allowed;
  }

  void ask(PacketType type, Bytes payload, std::uint8_t status = 0) {
    std::string out;
    append_message(out, type, payload, 4096, status);
    conversation.from_client(out, now);
  }
  void batch(const char* text, std::uint64_t descriptor = 0, std::uint8_t status = 0) {
    std::string payload;
    append_all_headers(payload, descriptor);
    ask(PacketType::Batch, payload + to_utf16(text), status);
  }
  void answer(const std::string& tokens) {
    std::string out;
    append_message(out, PacketType::Response, tokens, 4096);
    conversation.from_server(out, now);
  }
  void lose() { conversation.server_lost(now, "died"); }
  void attach(LoginFacts login = facts()) { conversation.attached(login, now); }
  /// What the client got since the last call: payload of whole messages, one after the other.
  std::string heard() { return payloads(client); }
  std::string asked() { return payloads(server); }
  static std::string payloads(std::string& bytes) {
    std::string out;
    MessageReader reader(1 << 24);
    for (Bytes in = bytes; reader.next(in).value_or(false);) out += reader.payload();
    bytes.clear();
    return out;
  }
  /// A transaction that both sides know of, and one request in it.
  void begin(std::uint64_t descriptor) {
    batch("BEGIN TRAN");
    std::string eight, tokens;
    LittleWriter(eight).u64(descriptor);
    append_env_change(tokens, EnvKind::Begin, eight, {});
    append_done(tokens, version, {});
    answer(tokens);
    batch("INSERT INTO t VALUES (1)", descriptor);
    answer(done());
    client.clear();
    server.clear();
  }
  static std::string done(std::uint16_t status = 0) {
    std::string tokens;
    append_done(tokens, version, {Token::Done, status, 0xc1, 0});
    return tokens;
  }

  Instant now{1'000'000'000};
  std::string client, server, ended, own_text;
  const char *client_at = nullptr, *server_at = nullptr;
  int wanted = 0, dropped = 0;
  bool was_reset = false, allowed = true;
  std::uint32_t failover_error = 0;
  std::vector<std::string> outcomes;
  Conversation conversation;
};

/// The number of the first ERROR in a payload that begins with one; 0: it does not.
inline std::uint32_t error_in(const std::string& payload) {
  if (payload.size() < 3 || static_cast<Token>(payload[0]) != Token::Error) return 0;
  const std::size_t size =
      3 + static_cast<unsigned char>(payload[1]) + 256 * static_cast<unsigned char>(payload[2]);
  const auto message = parse_server_message(Bytes(payload).substr(0, size), version);
  return message ? message->number : 0;
}

/// One column of NVARCHAR and so many rows of it.
inline std::string rows(std::size_t n, char letter = 'x') {
  std::string out;
  LittleWriter to(out);
  to.u8(0x81)
      .u16(1)
      .u32(0)
      .u16(0)
      .u8(0xe7)
      .u16(8000)
      .bytes(Bytes("\x09\x04\xd0\x00\x34", 5))
      .b_varchar(to_utf16("v"));
  for (std::size_t i = 0; i < n; ++i) to.u8(0xd1).u16(1000).bytes(to_utf16(std::string(500, letter)));
  append_done(out, version, {Token::Done, done_status::count, 0xc1, n});
  return out;
}

}  // namespace holdfast::tds::bench
