#include "vrrp/driver_connections.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

namespace holdfast::vrrp {

namespace {

// TCP states as the kernel writes them (include/net/tcp_states.h).
constexpr unsigned state_time_wait = 6, state_close = 7, state_listen = 10, state_last = 12;

std::string_view next_word(std::string_view& line) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == line.npos) return line = {};
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

std::optional<std::uint32_t> hex(std::string_view digits) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

/// Linux prints each 32 bits of an address as a number in the host's byte order.
bool take_words(std::string_view digits, std::uint8_t* out) {
  for (; !digits.empty(); digits.remove_prefix(8), out += 4) {
    const auto word = hex(digits.substr(0, 8));
    if (!word) return false;
    std::memcpy(out, &*word, 4);
  }
  return true;
}

/// "0A00090A:01BB", or with 32 digits before the colon.
std::optional<Address> take_address(std::string_view text) {
  constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  const std::size_t colon = text.find(':');
  if ((colon != 8 && colon != 32) || text.size() != colon + 5) return std::nullopt;
  const auto port = hex(text.substr(colon + 1));
  Address address;
  if (!port || !take_words(text.substr(0, colon), address.bytes.data())) return std::nullopt;
  address.port = static_cast<std::uint16_t>(*port);
  address.family = colon == 8 ? Address::Family::V4 : Address::Family::V6;
  if (colon == 32 && std::equal(mapped.begin(), mapped.end(), address.bytes.begin())) {
    Address plain;
    plain.family = Address::Family::V4;
    plain.port = address.port;
    std::copy_n(address.bytes.begin() + 12, 4, plain.bytes.begin());
    return plain;
  }
  return address;
}

std::optional<Connection> take_line(std::string_view line) {
  if (!next_word(line).ends_with(':')) return std::nullopt;  // the header has "sl"
  const auto local = take_address(next_word(line));
  const auto remote = take_address(next_word(line));
  const std::string_view digits = next_word(line);
  const auto state = hex(digits);
  if (!local || !remote || digits.size() != 2 || !state || *state == 0 || *state > state_last)
    return std::nullopt;
  if (*state == state_listen || *state == state_time_wait || *state == state_close) return std::nullopt;
  if (local->family != remote->family) return std::nullopt;
  return Connection{*local, *remote};
}

bool is_one_of(const Address& local, const std::vector<Address>& addresses) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const Address& a) { return a.family == local.family && a.bytes == local.bytes; });
}

/// Reads one file in pieces, whole lines at a time. A host without IPv6 has no tcp6.
Status read_table(const char* path, const std::vector<Address>& addresses, std::vector<Connection>& out) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return {};
  if (fd < 0) return fail(Blame::Self, std::string("cannot read ") + path + ": " + std::strerror(errno));
  std::string piece;
  std::size_t kept = 0;
  ssize_t n = 0;
  do {
    piece.resize(kept + 65536);
    do n = ::read(fd, piece.data() + kept, 65536);
    while (n < 0 && errno == EINTR);
    if (n <= 0) break;
    piece.resize(kept + static_cast<std::size_t>(n));
    const std::size_t whole = piece.rfind('\n') + 1;  // 0 if there is none
    for (Connection& c : parse_connections(std::string_view(piece).substr(0, whole), addresses))
      out.push_back(c);
    piece.erase(0, whole);
    kept = piece.size();
  } while (out.size() < connections_max && kept < 65536);
  const int problem = errno;
  ::close(fd);
  if (n < 0) return fail(Blame::Self, std::string("cannot read ") + path + ": " + std::strerror(problem));
  return {};
}

}  // namespace

std::vector<Connection> parse_connections(std::string_view table, const std::vector<Address>& addresses) {
  std::vector<Connection> out;
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    const auto one = take_line(line);
    if (one && is_one_of(one->local, addresses)) out.push_back(*one);
  }
  return out;
}

Result<std::vector<Connection>> read_connections(const std::vector<Address>& addresses) {
  std::vector<Connection> out;
  for (const char* path : {"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"})
    if (Status read = read_table(path, addresses, out); !read) return std::unexpected(read.error());
  if (out.size() > connections_max) out.resize(connections_max);
  return out;
}

Result<std::size_t> count_connections(const std::vector<Address>& addresses) {
  const auto all = read_connections(addresses);
  if (!all) return std::unexpected(all.error());
  return all->size();
}

}  // namespace holdfast::vrrp
