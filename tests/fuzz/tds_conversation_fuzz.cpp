// A Conversation between a client and a server that may say anything, and a driver that loses, replaces,
// pauses and drains at any moment. Input: three octets of options, then acts: one octet each, with what it
// takes. Nothing is done after end(); no byte goes to a server that is not there; both sides get whole
// packets only, and an end that is not a reset comes behind a whole message; what is held is bounded; a
// deadline that has come is over.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "tds/all_headers.h"
#include "tds/answer.h"
#include "tds/conversation.h"
#include "tds/little.h"
#include "tds/packet.h"
#include "tds/rpc.h"
#include "tds/token.h"
#include "tds/whole_packets.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

constexpr std::size_t memory_max = 4u << 20;  // of the options below, all parts at their limits

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}
  bool over() const { return rest_.empty(); }
  std::uint8_t octet() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  /// An octet of length, then so many.
  Bytes bytes() {
    const std::size_t said = octet(), n = std::min(said, rest_.size());
    const Bytes out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }

 private:
  Bytes rest_;
};

// What one side was given: packets, counted.
struct Frames {
  void take(Bytes bytes, bool response) {
    WholePacket packet;
    for (Bytes in = bytes;;) {
      const auto got = packets.next(in, packet);
      CHECK(got);
      if (!*got) break;
      CHECK((packet.header.type == PacketType::Response) == response);
      inside = !packet.header.last();
      messages += packet.header.last();
    }
    CHECK(packets.held() == 0);  // whole packets only
  }
  WholePackets packets;
  bool inside = false;  // a message
  std::size_t messages = 0;
};

struct World final : ConversationHost {
  World(ConversationOptions options, LoginFacts login_)
      : login(std::move(login_)), conversation(*this, options, login, now) {}

  void to_client(Bytes bytes) override {
    CHECK(!ended);
    client.take(bytes, true);
  }
  void to_server(Bytes bytes) override {
    CHECK(!ended && have_server);
    server.take(bytes, false);
  }
  void want_server() override {
    CHECK(!ended && !have_server);
    wanted = true;
  }
  void drop_server() override {
    CHECK(!ended && have_server);
    have_server = false;
    server = {};
  }
  void end(std::string_view outcome, bool reset) override {
    CHECK(!ended && !outcome.empty());
    CHECK(reset || !client.inside);
    ended = true;
  }
  void on_failover_error(std::uint32_t) override { CHECK(!ended); }
  void on_request(const RequestRecord&) override { CHECK(!ended); }
  bool allow(const RequestRecord&, std::string& why) override {
    CHECK(!ended);
    why = "a rule";
    return allowed;
  }

  LoginFacts login;
  Instant now{1'000'000'000};
  bool ended = false, wanted = false, have_server = true, allowed = true, attention = false;
  Frames client, server;
  std::size_t requests = 0;
  std::uint64_t descriptor = 0;
  Conversation conversation;
};

constexpr std::array<const char*, 16> texts = {
    "SELECT v FROM t", "INSERT INTO t VALUES (1)", "BEGIN TRAN", "COMMIT", "ROLLBACK", "SET DATEFIRST 3",
    "SET IMPLICIT_TRANSACTIONS ON", "USE other", "CREATE TABLE #t (x int)", "EXEC p", "SELECT GETDATE()",
    "INSERT BULK t (x int)", "SELECT @@ROWCOUNT", "SET TRANSACTION ISOLATION LEVEL SNAPSHOT",
    "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)", "BEGIN TRAN; SELECT 1"};

std::string request_of(World& w, Input& in, PacketType& type) {
  std::string payload;
  const std::uint8_t what = in.octet();
  if (tds_version::has_all_headers(w.login.version))
    append_all_headers(payload, (what & 0x80) != 0 ? 0 : w.descriptor);
  switch (what & 3) {
    case 0:
      type = PacketType::Batch;
      return payload + to_utf16(texts[in.octet() % texts.size()]) + std::string((what & 0x40) << 8, ' ');
    case 1: {
      type = PacketType::TransactionManager;
      LittleWriter(payload).u16(in.octet() % 10).u8(0).u8(0);
      return payload;
    }
    case 2: {
      type = PacketType::Rpc;
      LittleWriter to(payload);
      const std::uint8_t proc = in.octet() % 16;
      to.u16(0xffff).u16(proc).u16(0);
      if (proc != 10) {  // all but sp_executesql begin with a handle
        to.u8(0).u8(1);
        append_int_type(payload);
        to.u8(4).u32(in.octet());
      }
      const std::string text = to_utf16(texts[in.octet() % texts.size()]);
      for (int i = 0; i < 2; ++i) {
        to.u8(0).u8(0);
        append_nvarchar_type(payload, 8000);
        to.u16(static_cast<std::uint16_t>(text.size())).bytes(text);
      }
      return payload;
    }
    default: type = static_cast<PacketType>(in.octet() % 20); return payload + std::string(in.bytes());
  }
}

void append_tokens(std::string& out, World& w, Input& in) {
  const std::uint32_t version = w.login.version;
  std::string eight;
  switch (in.octet() % 9) {
    case 0: {
      static constexpr std::array<std::uint32_t, 6> numbers = {976, 983, 3906, 9001, 1205, 208};
      ServerMessage message;
      message.number = numbers[in.octet() % numbers.size()];
      return append_server_message(out, version, message);
    }
    case 1:
      w.descriptor = in.octet();
      LittleWriter(eight).u64(w.descriptor);
      return append_env_change(out, EnvKind::Begin, eight, {});
    case 2:
      LittleWriter(eight).u64(w.descriptor);
      w.descriptor = 0;
      return append_env_change(out, in.octet() % 2 == 0 ? EnvKind::Commit : EnvKind::Rollback, {}, eight);
    case 3: return append_session_state(out, {in.octet(), in.octet() % 2 == 0, {{2, std::string(in.bytes())}}});
    case 4: return append_returned_int(out, version, {}, in.octet());
    case 5:  // one row of one INTN(4)
      if (version == tds_version::v7_1) return append_return_status(out, 1);
      LittleWriter(out).u8(0x81).u16(1).u32(0).u16(0).u8(0x26).u8(4).u8(0).u8(0xd1).u8(4).u32(in.octet());
      return;
    case 6: return append_env_change(out, EnvKind::Database, to_utf16("other"), to_utf16("home"));
    case 7: out.append(in.bytes()); return;
    default:
      return append_done(out, version,
                         {static_cast<Token>(0xfd + in.octet() % 3), in.octet(), 0xc1, in.octet()});
  }
}

// In pieces as the input says, while somebody is there to take them.
template <class Give>
void give(Bytes bytes, Input& in, const Give& to) {
  const std::size_t size = in.octet();
  while (!bytes.empty()) {
    const Bytes part = bytes.substr(0, size < 8 ? bytes.size() : size * 16);
    bytes.remove_prefix(part.size());
    to(part);
  }
}

void client_act(World& w, Input& in, unsigned act) {
  std::string out;
  if (act == 0) {
    out = in.bytes();
    w.attention = true;  // who knows
  } else if (act == 1) {
    append_message(out, PacketType::Attention, {}, 512);
    w.attention = true;
  } else {
    PacketType type{};
    const std::string payload = request_of(w, in, type);
    const std::uint8_t how = in.octet();
    append_message(out, type, payload, 512u + (how & 0x40) * 60u, how & 0x18);
    if ((how & 7) == 1) out.resize(out.size() / 2);  // the rest never comes, or it is the next request's
    w.attention |= (how & 7) == 1 || type == PacketType::Attention;
    ++w.requests;
  }
  give(out, in, [&](Bytes part) { w.conversation.from_client(part, w.now); });
}

void server_act(World& w, Input& in, unsigned act) {
  if (!w.have_server) return;
  std::string out;
  if (act == 0) {
    out = in.bytes();
  } else {
    std::string tokens;
    const std::uint8_t how = in.octet();
    for (unsigned n = how & 3; n > 0; --n) append_tokens(tokens, w, in);
    if ((how & 4) != 0) tokens = attention_answer(w.login.version);
    if ((how & 8) == 0) append_done(tokens, w.login.version, {Token::Done, 0, 0xc1, 1});
    append_message(out, PacketType::Response, tokens, (how & 0x10) != 0 ? 512 : 4096);
  }
  give(out, in, [&](Bytes part) {
    if (w.have_server) w.conversation.from_server(part, w.now);
  });
}

void driver_act(World& w, Input& in, unsigned act) {
  switch (act) {
    case 0:
      if (!w.have_server) return;
      w.have_server = false;
      w.server = {};
      return w.conversation.server_lost(w.now, "died");
    case 1: {
      if (!w.wanted || w.have_server) return;
      (void)w.conversation.relogin();
      LoginFacts next = w.login;
      const std::uint8_t how = in.octet();
      if ((how & 0x0f) == 1) next.server_has_recovery = !next.server_has_recovery;
      if ((how & 0x0f) == 2) next.version = tds_version::v7_1;
      if ((how & 0x10) != 0) next.server_packet_size = 512;
      w.wanted = false;
      w.have_server = true;
      return w.conversation.attached(next, w.now);
    }
    case 2: {
      const std::uint8_t how = in.octet();
      return w.conversation.pause((how & 1) != 0, w.now, Duration::seconds(how / 16));
    }
    case 3:
      w.now = w.now + Duration::millis(in.octet() * 100);
      w.conversation.on_deadline(w.now);
      CHECK(w.ended || w.conversation.deadline() > w.now);
      return;
    case 4:
      if (w.wanted && !w.have_server) w.conversation.login_refused("no", w.now);
      return;
    case 5: w.allowed = !w.allowed; return;
    default:
      if (in.octet() == 7) w.conversation.drain(w.now);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in(data, size);
  const std::uint8_t flags = in.octet(), sizes = in.octet(), more = in.octet();
  ConversationOptions options;
  options.hold = Duration::seconds(2);
  options.replay_reads = (flags & 1) == 0;
  options.relogin_possible = (flags & 2) == 0;
  options.retain = (flags & 4) != 0 ? 256 * 1024 : 300;
  options.replay_transactions = (more & 2) != 0;
  options.prepared_max = 3;
  options.prepared_bytes = 4096;
  options.digest_text = (flags & 8) != 0 ? 64 : 0;
  LoginFacts login;
  login.version = (flags & 16) != 0 ? tds_version::v7_1 : tds_version::v7_4;
  login.server_has_recovery = (flags & 32) != 0;
  login.client_asked_recovery = (flags & 64) != 0;
  login.column_encryption = (flags & 128) != 0;
  login.client_packet_size = 512u + (sizes & 15) * 500u;
  login.server_packet_size = 512u + (sizes >> 4) * 500u;
  login.database = to_utf16("home");
  if ((more & 1) != 0) login.initial_state = {{7, std::string(1, 'x')}};
  World w(options, login);
  while (!in.over()) {
    const std::uint8_t act = in.octet();
    if (act < 0x60)
      client_act(w, in, act % 6);
    else if (act < 0xc0)
      server_act(w, in, act % 8);
    else
      driver_act(w, in, act % 7);
    CHECK(w.conversation.memory() <= memory_max);
    const SessionSight sight = w.conversation.sight();
    CHECK(!sight.state.empty() && sight.prepared <= options.prepared_max);
    if (w.conversation.idle()) CHECK(w.conversation.deadline() == Instant::never());
    // One answer a request at most. What an attention makes of it is the server's word.
    if (!w.attention) CHECK(w.client.messages <= w.requests);
  }
  return 0;
}
