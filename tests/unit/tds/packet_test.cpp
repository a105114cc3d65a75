#include "tds/packet.h"

#include <catch2/catch.hpp>
#include <vector>

namespace holdfast::tds {

namespace {

std::string packet(PacketType type, std::uint8_t status, Bytes payload) {
  std::string out;
  append_packet_header(out, {type, status, static_cast<std::uint16_t>(payload.size() + 8), 0x1234, 7});
  return out.append(payload);
}

// Feeds `bytes` cut at `cut`, and collects what the reader says of them.
struct Seen {
  std::string payload;
  int started = 0, ended = 0, messages = 0;
};
Seen read_cut(Bytes bytes, std::size_t cut) {
  PacketReader reader;
  Seen seen;
  for (Bytes part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    PacketReader::Piece piece;
    for (;;) {
      const auto got = reader.next(part, piece);
      REQUIRE(got);
      if (!*got) break;
      seen.payload += piece.payload;
      seen.started += piece.starts;
      seen.ended += piece.ends;
      seen.messages += piece.ends_message();
    }
    CHECK(part.empty());
  }
  CHECK(reader.between_packets());
  return seen;
}

}  // namespace

TEST_CASE("a packet header is eight bytes, big-endian") {
  std::string out;
  append_packet_header(out, {PacketType::Rpc, packet_status::eom, 0x0123, 0x4567, 9});
  CHECK(out == std::string("\x03\x01\x01\x23\x45\x67\x09\x00", 8));
  const auto header = parse_packet_header(out);
  REQUIRE(header);
  CHECK(header->type == PacketType::Rpc);
  CHECK(header->last());
  CHECK(header->length == 0x0123);
  CHECK(header->spid == 0x4567);
  CHECK(header->id == 9);
}

TEST_CASE("bad packet headers are refused") {
  const std::string bad =
      GENERATE(std::string("\x05\x01\x00\x08\0\0\0\0", 8), std::string("\x16\x03\x01\x02\0\0\0\0", 8),
               std::string("\x01\x01\x00\x07\0\0\0\0", 8), std::string("\x01\x01\x80\x00\0\0\0\0", 8),
               std::string("\x01\x01\x00", 3));
  CHECK_FALSE(parse_packet_header(bad));
}

TEST_CASE("a length over the reader's limit is refused, and the reader stays refusing") {
  PacketReader reader;
  reader.set_longest(packet_size_before_login);
  const std::string long_one("\x12\x01\x10\x01\0\0\1\0", 8), good("\x12\x01\x00\x08\0\0\1\0", 8);
  Bytes in = long_one;
  PacketReader::Piece piece;
  CHECK_FALSE(reader.next(in, piece));
  in = good;
  CHECK_FALSE(reader.next(in, piece));
}

TEST_CASE("messages are cut into packets of exactly the size, the last one excepted") {
  const std::string payload(512 * 3, 'p');
  std::string out;
  append_message(out, PacketType::Batch, payload, 512, packet_status::reset_connection, 77);
  Bytes in = out;
  std::vector<PacketHeader> headers;
  std::string joined;
  while (!in.empty()) {
    const auto header = parse_packet_header(in.substr(0, 8));
    REQUIRE(header);
    headers.push_back(*header);
    joined += in.substr(8, header->length - 8u);
    in.remove_prefix(header->length);
  }
  REQUIRE(headers.size() == 4);
  CHECK(joined == payload);
  CHECK(headers[0].status == packet_status::reset_connection);
  CHECK(headers[1].status == 0);
  CHECK(headers[3].status == packet_status::eom);
  CHECK(headers[2].length == 512);
  CHECK(headers[3].length == 8 + 24);
  CHECK(headers[0].spid == 77);
  CHECK(headers[0].id == 1);
  CHECK(headers[3].id == 4);
}

TEST_CASE("an empty message is one empty packet, and a whole one no empty packet more") {
  std::string empty, exact;
  append_message(empty, PacketType::Attention, "", 4096);
  CHECK(empty == std::string("\x06\x01\x00\x08\0\0\x01\0", 8));
  append_message(exact, PacketType::Batch, std::string(504, 'x'), 512);
  CHECK(exact.size() == 512);
  CHECK(parse_packet_header(Bytes(exact).substr(0, 8))->last());
}

TEST_CASE("a stream of packets reads the same however it is cut") {
  const std::string stream = packet(PacketType::Batch, 0, "first") + packet(PacketType::Batch, 1, "second") +
                             packet(PacketType::Attention, 1, "") + packet(PacketType::Rpc, 1, "r");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    const Seen seen = read_cut(stream, cut);
    CHECK(seen.payload == "firstsecondr");
    CHECK(seen.started == 4);
    CHECK(seen.ended == 4);
    CHECK(seen.messages == 3);
  }
}

TEST_CASE("a header is reported before its payload is there") {
  PacketReader reader;
  const std::string bytes = packet(PacketType::Batch, 1, "ab");
  Bytes in = Bytes(bytes).substr(0, 8);
  PacketReader::Piece piece;
  REQUIRE(reader.next(in, piece) == true);
  CHECK(piece.starts);
  CHECK_FALSE(piece.ends);
  CHECK_FALSE(reader.between_packets());
  CHECK(reader.next(in, piece) == false);
  in = Bytes(bytes).substr(8);
  REQUIRE(reader.next(in, piece) == true);
  CHECK_FALSE(piece.starts);
  CHECK(piece.ends_message());
}

TEST_CASE("messages are gathered in every split, and what follows one is left") {
  const std::string stream = packet(PacketType::Response, 0x08, "one ") +
                             packet(PacketType::Response, 1, "two") + packet(PacketType::Sspi, 1, "next");
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    MessageReader reader(100);
    std::vector<std::string> got;
    for (Bytes part : {Bytes(stream).substr(0, cut), Bytes(stream).substr(cut)}) {
      for (;;) {
        const auto whole = reader.next(part);
        REQUIRE(whole);
        if (!*whole) break;
        got.push_back(reader.payload());
        CHECK(reader.empty());
        if (got.size() == 1) {
          CHECK(reader.type() == PacketType::Response);
          CHECK(reader.status() == 0x08);
          CHECK(reader.packets() == 2);
        }
      }
    }
    CHECK(got == std::vector<std::string>{"one two", "next"});
  }
}

TEST_CASE("a message over its limit or of two types is refused for good") {
  MessageReader small(6);
  const std::string exact = packet(PacketType::Response, 0, "123") + packet(PacketType::Response, 1, "456");
  Bytes in = exact;
  CHECK(small.next(in) == true);
  const std::string over = packet(PacketType::Response, 0, "123") + packet(PacketType::Response, 1, "4567");
  in = over;
  CHECK_FALSE(small.next(in));
  in = exact;
  CHECK_FALSE(small.next(in));

  MessageReader mixed(100);
  const std::string two = packet(PacketType::Batch, 0, "a") + packet(PacketType::Rpc, 1, "b");
  in = two;
  CHECK_FALSE(mixed.next(in));
}

TEST_CASE("an unfinished message is not empty") {
  MessageReader reader(100);
  CHECK(reader.empty());
  const std::string empty_but_open = packet(PacketType::Batch, 0, "");
  Bytes in = empty_but_open;
  CHECK(reader.next(in) == false);
  CHECK_FALSE(reader.empty());
}

}  // namespace holdfast::tds
