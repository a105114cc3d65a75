#include "proxy/proxy_protocol.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace holdfast {
namespace {

using Read = Result<std::optional<ProxyHeader>>;
using Family = Address::Family;

constexpr Bytes v1_start = "PROXY ";
constexpr Bytes v2_start("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t v2_fixed = 16;

std::unexpected<Error> refuse(const char* why) {
  return fail(Blame::Client, std::string("PROXY header: ") + why);
}

bool begins_like(Bytes bytes, Bytes start) {
  return bytes.substr(0, start.size()) == start.substr(0, bytes.size());
}

/// Takes the text up to the next single space, or all of it.
Bytes next_word(Bytes& line) {
  std::size_t end = std::min(line.find(' '), line.size());
  Bytes word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

std::optional<std::uint16_t> port_of(Bytes word) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), port);
  bool whole = error == std::errc() && end == word.data() + word.size();
  bool canonical = word.size() == 1 || (!word.empty() && word[0] != '0');
  if (!whole || !canonical) return std::nullopt;
  return port;
}

std::optional<Address> address_of(Bytes ip, Bytes port, Family family) {
  auto number = port_of(port);
  if (!number) return std::nullopt;
  auto address = Address::from_ip(ip, *number);
  if (!address || address->family != family) return std::nullopt;
  return address;
}

// Section 2.1: one line of exactly six words, single spaces, CRLF.
Read read_v1(Bytes bytes) {
  std::size_t end = bytes.substr(0, proxy_v1_max).find('\n');
  if (end == Bytes::npos) {
    if (bytes.size() >= proxy_v1_max) return refuse("version 1 line too long");
    return std::nullopt;
  }
  if (bytes[end - 1] != '\r') return refuse("version 1 line ends without CR");
  Bytes line = bytes.substr(v1_start.size(), end - 1 - v1_start.size());
  ProxyHeader header;
  header.length = end + 1;
  Bytes kind = next_word(line);
  if (kind == "UNKNOWN") {  // the rest of the line is to be ignored
    header.local = true;
    return header;
  }
  if (kind != "TCP4" && kind != "TCP6") return refuse("unknown version 1 protocol");
  if (std::count(line.begin(), line.end(), ' ') != 3)
    return refuse("version 1 line without exactly six words");
  Family family = kind == "TCP4" ? Family::V4 : Family::V6;
  Bytes from = next_word(line), to = next_word(line), from_port = next_word(line), to_port = next_word(line);
  auto source = address_of(from, from_port, family);
  auto destination = address_of(to, to_port, family);
  if (!source || !destination) return refuse("bad version 1 address or port");
  header.source = *source;
  header.destination = *destination;
  return header;
}

Address take_ip(Reader& reader, Family family) {
  Address address;
  address.family = family;
  Bytes raw = *reader.bytes(family == Family::V4 ? 4 : 16);
  std::memcpy(address.bytes.data(), raw.data(), raw.size());
  return address;
}

// Section 2.2. LOCAL is for the sender's own health checks; it may carry anything after the length.
Read read_v2(Bytes bytes) {
  if (bytes.size() < v2_fixed) {
    if (bytes.size() > 12 && bytes[12] != '\x20' && bytes[12] != '\x21')
      return refuse("unknown version 2 command");
    return std::nullopt;
  }
  Reader reader(bytes.substr(v2_start.size()));
  unsigned command = *reader.u8(), kind = *reader.u8(), length = *reader.u16();
  if (command != 0x20 && command != 0x21) return refuse("unknown version 2 command");
  if (length > proxy_v2_max) return refuse("version 2 header too long");
  ProxyHeader header;
  header.length = v2_fixed + length;
  header.local = command == 0x20 || kind == 0x00;  // AF_UNSPEC: the sender does not know either
  Family family = kind == 0x11 ? Family::V4 : kind == 0x21 ? Family::V6 : Family::None;
  if (!header.local && family == Family::None) return refuse("version 2 family is not TCP over IPv4 or IPv6");
  if (!header.local && length < (family == Family::V4 ? 12u : 36u))
    return refuse("version 2 addresses cut short");
  if (bytes.size() < header.length) return std::nullopt;
  if (header.local) return header;
  header.source = take_ip(reader, family);
  header.destination = take_ip(reader, family);
  header.source.port = *reader.u16();
  header.destination.port = *reader.u16();
  return header;
}

void put_ip(Writer& writer, const Address& address) {
  auto* raw = reinterpret_cast<const char*>(address.bytes.data());
  writer.bytes(Bytes(raw, address.family == Family::V4 ? 4 : 16));
}

void write_v1(const Address& source, const Address& destination, bool known, std::string& out) {
  out += v1_start;
  if (known) {
    out += source.family == Family::V4 ? "TCP4 " : "TCP6 ";
    out += source.ip() + ' ' + destination.ip() + ' ';
    out += std::to_string(source.port) + ' ' + std::to_string(destination.port);
  } else {
    out += "UNKNOWN";
  }
  out += "\r\n";
}

void write_v2(const Address& source, const Address& destination, bool known, std::string& out) {
  Writer writer(out);
  writer.bytes(v2_start).u8(0x21);
  if (!known) {
    writer.u8(0x00).u16(0);
    return;
  }
  bool v4 = source.family == Family::V4;
  writer.u8(v4 ? 0x11 : 0x21).u16(v4 ? 12 : 36);
  put_ip(writer, source);
  put_ip(writer, destination);
  writer.u16(source.port).u16(destination.port);
}

}  // namespace

Read read_proxy_header(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  bool v1 = begins_like(bytes, v1_start), v2 = begins_like(bytes, v2_start);
  if (!v1 && !v2) return refuse("missing");
  if (bytes.size() < v1_start.size()) return std::nullopt;
  if (v1) return read_v1(bytes);
  if (bytes.size() < v2_start.size()) return std::nullopt;
  return read_v2(bytes);
}

void write_proxy_header(unsigned version, const Address& source, const Address& destination,
                        std::string& out) {
  bool known = source.family == destination.family && source.family != Family::None;
  if (version == 1)
    write_v1(source, destination, known, out);
  else
    write_v2(source, destination, known, out);
}

}  // namespace holdfast
