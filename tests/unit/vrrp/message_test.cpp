// Messages of the peer channel: every type there and back, cut at every byte, and strictness.
#include "vrrp/message.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "vrrp/heartbeat.h"

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

std::vector<Message> one_of_each() {
  NodeState state{.claims = {{"main", Role::Holder, Fitness::Degraded, 150, 9},
                             {"other", Role::Standby, Fitness::Fit, 1, 0}},
                  .services = {{"ivr", "ivr-a"}, {"sql", ""}},
                  .config_hash = "0123456789abcdef",
                  .generation = 3};
  return {Hello{1, "ef", "ef-a", "0.1.0", 0xfedcba9876543210, std::string(32, '\0')},
          StateMessage{state, 77},
          Prepare{"main", 10, "0123456789abcdef", true},
          Prepared{"main", 10, false, "another configuration"},
          Take{"main", 10},
          Taken{"main", 10},
          Gone{"main"},
          Request{"main"},
          Pause{5000},
          Bye{},
          PushOffer{1, std::string("[cluster]\nname = \"ef\"\n\0", 23)},
          PushReply{1, true, ""},
          PushCommit{1},
          PushDone{1, false, "no space left"},
          PushCancel{1}};
}

/// Equal if they are written alike: the codec leaves nothing out.
void check_same(const Result<std::optional<Message>>& read, const Message& sent) {
  REQUIRE(read);
  REQUIRE(*read);
  CHECK(encode(**read) == encode(sent));
}

std::string framed(const std::string& body) {
  std::string out;
  Writer(out).u32(static_cast<std::uint32_t>(body.size())).bytes(body);
  return out;
}

std::string error_of(const std::string& bytes) {
  MessageReader reader;
  reader.feed(bytes);
  auto read = reader.next();
  return read ? "" : read.error().text;
}

}  // namespace

TEST_CASE("Every message comes back, whole, in pieces and in a row") {
  REQUIRE(one_of_each().size() == std::variant_size_v<Message>);
  std::string all;
  MessageReader by_byte;
  for (const Message& sent : one_of_each()) {
    const std::string bytes = encode(sent);
    all += bytes;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
      by_byte.feed(Bytes(bytes).substr(i, 1));
      auto read = by_byte.next();
      REQUIRE(read);
      REQUIRE_FALSE(*read);
    }
    by_byte.feed(Bytes(bytes).substr(bytes.size() - 1));
    check_same(by_byte.next(), sent);
  }
  MessageReader at_once;
  at_once.feed(all);
  for (const Message& sent : one_of_each()) check_same(at_once.next(), sent);
  CHECK_FALSE(*at_once.next());
}

TEST_CASE("Fields keep their values") {
  MessageReader reader;
  for (const Message& sent : one_of_each()) reader.feed(encode(sent));
  auto hello = std::get<Hello>(**reader.next());
  CHECK(hello.cluster == "ef");
  CHECK(hello.boot == 0xfedcba9876543210);
  CHECK(hello.heartbeat_key == std::string(32, '\0'));
  auto told = std::get<StateMessage>(**reader.next());
  CHECK(told.state == std::get<StateMessage>(one_of_each()[1]).state);
  CHECK(told.heartbeat == 77);
  CHECK(std::get<Prepare>(**reader.next()).force);
  CHECK(std::get<Prepared>(**reader.next()).why == "another configuration");
}

TEST_CASE("A body cut or lengthened by a byte is refused") {
  for (const Message& sent : one_of_each()) {
    const std::string body = encode(sent).substr(4);
    CAPTURE(sent.index());
    CHECK(error_of(framed(body + "x")) != "");
    if (body.size() > 1) CHECK(error_of(framed(body.substr(0, body.size() - 1))) != "");
  }
}

TEST_CASE("Impossible lengths and unknown types are refused before the rest arrives") {
  CHECK(error_of(std::string(4, '\0')) == "a message of impossible length");
  std::string large;
  Writer(large).u32(max_message + 1);
  CHECK(error_of(large) == "a message of impossible length");
  CHECK(error_of(framed(std::string(1, 15))) == "a message of unknown type");
  CHECK(error_of(framed(std::string(10, '\xff')).substr(0, 5)) == "a message of unknown type");
}

TEST_CASE("An error stays: the stream cannot be trusted again") {
  MessageReader reader;
  reader.feed(framed(std::string(1, 99)));
  reader.feed(encode(Bye{}));
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.next());
}

TEST_CASE("Values out of range are refused") {
  auto broken = [](const Message& message, const std::string& find, const std::string& put) {
    std::string bytes = encode(message);
    const auto at = bytes.find(find);
    REQUIRE(at != std::string::npos);
    return error_of(bytes.replace(at, find.size(), put));
  };
  CHECK(broken(Prepare{"main", 0, "h", true}, "h\1", "h\2") != "");       // not a flag
  CHECK(broken(Gone{"main"}, "main", "ma\nn") != "");                     // would forge a log line
  StateMessage state;
  state.state.claims = {{"main"}};
  CHECK(broken(state, std::string("main\0", 5), "main\3") != "");  // no such role
  StateMessage twice;
  twice.state.claims = {{"main"}, {"main"}};
  CHECK(error_of(encode(twice)) == "two claims for one group");
}

TEST_CASE("What is written can be read, whatever a sentence holds") {
  MessageReader reader;
  reader.feed(encode(PushReply{1, false, "line one\nline two\x7f" + std::string(2000, 'x')}));
  auto read = reader.next();
  REQUIRE(read);
  const std::string why = std::get<PushReply>(**read).why;
  CHECK(why.size() == 1000);
  CHECK(why.starts_with("line one line two xxx"));
}

TEST_CASE("The largest push fits, one byte more is not written") {
  const std::size_t room = max_message - 1 - 8 - 4;
  const std::string fits = encode(PushOffer{1, std::string(room, 'x')});
  MessageReader reader;
  for (std::size_t at = 0; at < fits.size(); at += 16384) {
    CHECK_FALSE(*reader.next());
    reader.feed(Bytes(fits).substr(at, 16384));
  }
  auto read = reader.next();
  REQUIRE(read);
  CHECK(std::get<PushOffer>(**read).text.size() == room);
  CHECK(encode(PushOffer{1, std::string(room + 1, 'x')}).empty());
}
