// The frames in hexadecimal were put together by another implementation.
#include "vrrp/frames.h"

#include <catch2/catch.hpp>

using namespace holdfast;
using namespace holdfast::vrrp;

namespace {

constexpr Mac ours = {2, 0, 0, 0, 0, 0x0a}, theirs = {2, 0, 0, 0, 0, 0x0b};

const std::string ns =
    "3333ff00001002000000000b86dd6000000000203afffd000000000000000000000000000005"
    "ff0200000000000000000001ff00001087007d6d00000000fd000000000000000000000000000010010102000000000b";
const std::string ns_probe =
    "3333ff00001002000000000b86dd6000000000183aff00000000000000000000000000000000"
    "ff0200000000000000000001ff00001087007d8700000000fd000000000000000000000000000010";
const std::string ns_unicast =
    "02000000000a02000000000b86dd6000000000183afffe80000000000000000000000000000b"
    "fd00000000000000000000000000001087007fff00000000fd000000000000000000000000000010";
const std::string na =
    "02000000000a02000000000b86dd6000000000203afffd000000000000000000000000000005"
    "fd00000000000000000000000000001088001c7c60000000fd000000000000000000000000000005020102000000000b";
const std::string na_to_all =
    "33330000000102000000000a86dd6000000000203afffd000000000000000000000000000010"
    "ff0200000000000000000000000000018800da73a0000000fd000000000000000000000000000010020102000000000a";
const std::string na_answer =
    "02000000000b02000000000a86dd6000000000203afffd000000000000000000000000000010"
    "fd00000000000000000000000000000588009c71e0000000fd000000000000000000000000000010020102000000000a";
const std::string ns_gateway =
    "3333ff00000102000000000b86dd6000000000203afffd000000000000000000000000000005"
    "ff0200000000000000000001ff00000187007d8b00000000fd000000000000000000000000000001010102000000000b";
const std::string ns_gateway_unicast =
    "02000000000a02000000000b86dd6000000000203afffd000000000000000000000000000005"
    "fd00000000000000000000000000000187007e8f00000000fd000000000000000000000000000001010102000000000b";
const std::string arp_request =
    "ffffffffffff02000000000b0806000108000604000102000000000b0a0000050000000000000a00000a";
const std::string arp_probe =
    "ffffffffffff02000000000b0806000108000604000102000000000b000000000000000000000a00000a";
const std::string arp_reply =
    "02000000000a02000000000b0806000108000604000202000000000b0a00000502000000000a0a00000a";
const std::string arp_announcement =
    "ffffffffffff02000000000a0806000108000604000102000000000a0a00000a0000000000000a00000a";
const std::string arp_announcement_reply =
    "ffffffffffff02000000000a0806000108000604000202000000000a0a00000a02000000000a0a00000a";

Address ip(std::string_view text) { return *Address::from_ip(text, 0); }

std::string unhex(std::string_view text) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2)
    out.push_back(static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1])));
  return out;
}

std::string changed(const std::string& frame, std::size_t at, std::string_view hex) {
  std::string bytes = unhex(frame);
  return bytes.replace(at, hex.size() / 2, unhex(hex));
}

/// Changes a neighbour message at `at` and mends its checksum, so that nothing but the change is wrong.
std::string mended(const std::string& frame, std::size_t at, std::string_view hex) {
  std::string bytes = changed(frame, at, hex);
  bytes[56] = bytes[57] = 0;
  std::string sum(bytes.substr(22));
  sum += std::string("\0\x3a", 2);
  std::uint32_t total = static_cast<std::uint32_t>(bytes.size() - 54);
  for (std::size_t i = 0; i + 1 < sum.size(); i += 2)
    total += static_cast<std::uint32_t>(static_cast<unsigned char>(sum[i]) << 8 |
                                        static_cast<unsigned char>(sum[i + 1]));
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  bytes[56] = static_cast<char>(~total >> 8 & 0xff);
  bytes[57] = static_cast<char>(~total & 0xff);
  return bytes;
}

}  // namespace

TEST_CASE("frames: the virtual MAC carries family and router", "[frames]") {
  CHECK(virtual_mac(Address::Family::V4, 51) == Mac{0, 0, 0x5e, 0, 1, 51});
  CHECK(virtual_mac(Address::Family::V6, 255) == Mac{0, 0, 0x5e, 0, 2, 255});
}

TEST_CASE("frames: announcements are to the byte", "[frames]") {
  CHECK(gratuitous_arp(ours, ip("10.0.0.10"), false) == unhex(arp_announcement));
  CHECK(gratuitous_arp(ours, ip("10.0.0.10"), true) == unhex(arp_announcement_reply));
  CHECK(unsolicited_na(ours, ip("fd00::10")) == unhex(na_to_all));
}

TEST_CASE("frames: a question in ARP is read and answered to its asker", "[frames]") {
  auto question = read_question(unhex(arp_request));
  REQUIRE(question);
  CHECK(question->target == ip("10.0.0.10"));
  CHECK(question->asker == ip("10.0.0.5"));
  CHECK(question->asker_mac == theirs);
  auto told = read_told(answer(ours, *question));
  REQUIRE(told);
  CHECK(told->address == ip("10.0.0.10"));
  CHECK(told->mac == ours);
  std::string expected = changed(arp_reply, 0, "02000000000b02000000000a");
  expected.replace(22, 20, unhex("02000000000a0a00000a02000000000b0a000005"));
  CHECK(answer(ours, *question) == expected);
  CHECK(read_question(unhex(arp_request) + std::string(18, '\0')));
}

TEST_CASE("frames: an ARP probe is answered, though it names no sender", "[frames]") {
  auto question = read_question(unhex(arp_probe));
  REQUIRE(question);
  CHECK(question->asker == ip("0.0.0.0"));
  CHECK(answer(ours, *question).substr(0, 6) == unhex("02000000000b"));
  CHECK(answer(ours, *question).substr(38) == unhex("00000000"));
}

TEST_CASE("frames: a neighbour solicitation is read and answered to its asker", "[frames]") {
  auto question = read_question(unhex(ns));
  REQUIRE(question);
  CHECK(question->target == ip("fd00::10"));
  CHECK(question->asker == ip("fd00::5"));
  CHECK(question->asker_mac == theirs);
  CHECK(answer(ours, *question) == unhex(na_answer));
  auto unicast = read_question(unhex(ns_unicast));
  REQUIRE(unicast);
  CHECK(unicast->asker_mac == theirs);
  CHECK(unicast->asker == ip("fe80::b"));
}

TEST_CASE("frames: duplicate address detection is answered to all nodes", "[frames]") {
  auto question = read_question(unhex(ns_probe));
  REQUIRE(question);
  CHECK(question->asker == ip("::"));
  CHECK(answer(ours, *question) == unhex(na_to_all));
}

TEST_CASE("frames: malformed and misplaced questions are not read", "[frames]") {
  for (const std::string& whole : {arp_request, ns, ns_probe, ns_unicast})
    for (std::size_t n = 0; n < whole.size() / 2; ++n) CHECK_FALSE(read_question(unhex(whole).substr(0, n)));
  for (const std::string& other : {arp_reply, arp_announcement, arp_announcement_reply, na, na_to_all})
    CHECK_FALSE(read_question(unhex(other)));
  struct Row {
    std::string name;
    std::size_t at;
    std::string hex;
  };
  for (const Row& row :
       {Row{"hardware", 14, "0006"}, Row{"protocol", 16, "86dd"}, Row{"lengths", 18, "0610"},
        Row{"operation", 20, "0008"}, Row{"a group asks", 22, "01"},
        Row{"nobody's MAC asks", 22, "000000000000"}, Row{"multicast sender", 28, "e0000001"},
        Row{"broadcast target", 38, "ffffffff"}, Row{"no target", 38, "00000000"}}) {
    INFO(row.name);
    CHECK_FALSE(read_question(changed(arp_request, row.at, row.hex)));
  }
  for (const Row& row :
       {Row{"version", 14, "40"}, Row{"short length", 18, "0017"}, Row{"long length", 18, "0028"},
        Row{"next header", 20, "00"}, Row{"hop limit", 21, "fe"}, Row{"checksum", 56, "0000"},
        Row{"target changed", 77, "11"}}) {
    INFO(row.name);
    CHECK_FALSE(read_question(changed(ns, row.at, row.hex)));
  }
  CHECK(read_question(mended(ns, 77, "11")));
  for (const Row& row :
       {Row{"code", 55, "01"}, Row{"group asked for", 62, "ff"}, Row{"a group asks", 22, "ff"},
        Row{"option without length", 79, "00"}, Row{"option too long", 79, "02"},
        Row{"a group's MAC", 80, "03"}, Row{"no option to a group", 78, "05"}}) {
    INFO(row.name);
    CHECK_FALSE(read_question(mended(ns, row.at, row.hex)));
  }
  // Detection of duplicates goes to the solicited-node group and brings no link-layer address.
  CHECK_FALSE(read_question(mended(ns_probe, 51, "000011")));
  CHECK_FALSE(read_question(mended(ns, 22, "00000000000000000000000000000000")));
}

TEST_CASE("frames: the gateway is asked of all, or of itself when known", "[frames]") {
  CHECK(ask(theirs, ip("fd00::5"), ip("fd00::1"), nullptr) == unhex(ns_gateway));
  CHECK(ask(theirs, ip("fd00::5"), ip("fd00::1"), &ours) == unhex(ns_gateway_unicast));
  CHECK(ask(theirs, ip("10.0.0.5"), ip("10.0.0.10"), nullptr) == unhex(arp_request));
  CHECK(ask(theirs, ip("10.0.0.5"), ip("10.0.0.10"), &ours) == changed(arp_request, 0, "02000000000a"));
}

TEST_CASE("frames: what is told is read, and nothing else", "[frames]") {
  for (const std::string& frame : {arp_reply, na}) {
    auto told = read_told(unhex(frame));
    REQUIRE(told);
    CHECK(told->mac == theirs);
    CHECK(told->address == (frame == na ? ip("fd00::5") : ip("10.0.0.5")));
  }
  for (const std::string& frame : {arp_announcement, arp_announcement_reply, na_to_all}) {
    auto told = read_told(unhex(frame));
    REQUIRE(told);
    CHECK(told->mac == ours);
  }
  for (const std::string& frame : {arp_request, arp_probe, ns, ns_probe})
    CHECK_FALSE(read_told(unhex(frame)));
  CHECK_FALSE(read_told(changed(na, 21, "40")));
  CHECK_FALSE(read_told(changed(na, 57, "7d")));
  CHECK_FALSE(read_told(mended(na_to_all, 58, "e0")));  // solicited, and yet to all
  CHECK_FALSE(read_told(mended(na_to_all, 78, "05")));  // to all, and no MAC
  CHECK_FALSE(read_told(changed(arp_reply, 28, "00000000")));
}

TEST_CASE("frames: announcements are dense at first, then rare, and none is made up for", "[frames]") {
  AnnounceSchedule schedule(60_s);
  CHECK(schedule.due() == Instant::never());
  schedule.sent(Instant{0});
  CHECK(schedule.due() == Instant::never());
  const Instant start = Instant{} + 7_s;
  schedule.begin(start);
  CHECK(schedule.due() == start);
  for (Duration at : {10_ms, 50_ms, 200_ms, 1_s, 5_s, 65_s, 125_s}) {
    schedule.sent(schedule.due());
    CHECK(schedule.due() == start + at);
  }
  schedule.begin(start + 200_s);
  schedule.sent(start + 200_s + 300_ms);  // the loop stood still: 10, 50 and 200 ms are over
  CHECK(schedule.due() == start + 201_s);
  schedule.end();
  CHECK(schedule.due() == Instant::never());
  AnnounceSchedule once(0_s);
  once.begin(start);
  once.sent(start + 5_s);
  CHECK(once.due() == Instant::never());
}
