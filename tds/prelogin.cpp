#include "tds/prelogin.h"

#include <array>
#include <vector>

namespace holdfast::tds {

namespace {

enum Option : std::uint8_t {
  Version = 0,
  Encrypt = 1,
  Instance = 2,
  Thread = 3,
  Mars = 4,
  Trace = 5,
  FedAuth = 6,
  Nonce = 7,
  Terminator = 0xFF,
};
constexpr std::size_t entry_size = 5;
constexpr std::size_t instance_max = 256;

std::unexpected<Error> refuse(const char* what) {
  return fail(Blame::Client, std::string("PRELOGIN: ") + what);
}

struct Entry {
  std::uint8_t token;
  Bytes data;
};

Result<std::vector<Entry>> parse_table(Bytes payload) {
  if (payload.size() > prelogin_max) return refuse("too long");
  struct Place {
    std::uint8_t token;
    std::size_t offset, length;
  };
  std::vector<Place> places;
  std::array<bool, 256> seen{};
  Reader in(payload);
  for (;;) {
    const auto token = in.u8();
    if (!token) return refuse("the option table does not end");
    if (*token == Terminator) break;
    if (seen[*token]) return refuse("an option is there twice");
    seen[*token] = true;
    const auto offset = in.u16(), length = in.u16();
    if (!length) return refuse("the option table is cut short");
    places.push_back({*token, *offset, *length});
  }
  const std::size_t table = payload.size() - in.rest().size();
  std::vector<Entry> entries;
  entries.reserve(places.size());
  for (const Place& place : places) {
    if (place.length == 0) {
      entries.push_back({place.token, {}});
      continue;
    }
    if (place.offset < table || place.offset + place.length > payload.size())
      return refuse("an option is out of bounds");
    entries.push_back({place.token, payload.substr(place.offset, place.length)});
  }
  return entries;
}

// SQL Server itself answers THREADID and TRACEID with no bytes at all.
bool length_is_right(std::uint8_t token, std::size_t n) {
  switch (token) {
    case Version: return n == 6;
    case Encrypt:
    case Mars:
    case FedAuth: return n == 1;
    case Instance: return n <= instance_max;
    case Thread: return n == 4 || n == 0;
    case Trace: return n == 36 || n == 0;
    case Nonce: return n == 32 || n == 0;
    default: return true;
  }
}

void take(Prelogin& out, const Entry& entry) {
  Reader in(entry.data);
  switch (entry.token) {
    case Version:
      out.version = in.u32().value_or(0);
      out.sub_build = in.u16().value_or(0);
      break;
    case Encrypt: out.encryption = static_cast<Encryption>(in.u8().value_or(0)); break;
    case Instance: out.instance = std::string(entry.data); break;
    case Thread: out.thread = in.u32(); break;
    case Mars: out.mars = in.u8(); break;
    case Trace: out.trace = std::string(entry.data); break;
    case FedAuth: out.fed_auth_required = in.u8(); break;
    case Nonce: out.nonce = std::string(entry.data); break;
    default: break;
  }
}

}  // namespace

Result<Prelogin> parse_prelogin(Bytes payload) {
  const auto entries = parse_table(payload);
  if (!entries) return std::unexpected(entries.error());
  if (entries->empty() || entries->front().token != Version) return refuse("VERSION is not the first option");
  Prelogin out;
  for (const Entry& entry : *entries) {
    if (!length_is_right(entry.token, entry.data.size())) return refuse("an option has a wrong length");
    take(out, entry);
  }
  return out;
}

void append_prelogin(std::string& out, const Prelogin& prelogin) {
  std::string version;
  Writer(version).u32(prelogin.version).u16(prelogin.sub_build);
  std::vector<std::pair<Option, std::string>> options{{Version, version}};
  const auto byte = [&](Option option, std::uint8_t value) {
    options.emplace_back(option, std::string(1, static_cast<char>(value)));
  };
  if (prelogin.encryption) byte(Encrypt, static_cast<std::uint8_t>(*prelogin.encryption));
  if (prelogin.instance) options.emplace_back(Instance, *prelogin.instance);
  if (prelogin.thread) {
    options.emplace_back(Thread, std::string());
    Writer(options.back().second).u32(*prelogin.thread);
  }
  if (prelogin.mars) byte(Mars, *prelogin.mars);
  if (!prelogin.trace.empty()) options.emplace_back(Trace, prelogin.trace);
  if (prelogin.fed_auth_required) byte(FedAuth, *prelogin.fed_auth_required);
  if (!prelogin.nonce.empty()) options.emplace_back(Nonce, prelogin.nonce);

  std::size_t at = options.size() * entry_size + 1;
  Writer table(out);
  for (const auto& [option, data] : options) {
    table.u8(option).u16(static_cast<std::uint16_t>(at)).u16(static_cast<std::uint16_t>(data.size()));
    at += data.size();
  }
  table.u8(Terminator);
  for (const auto& [option, data] : options) table.bytes(data);
}

EncryptionAnswer answer_encryption(Encryption server, Encryption client) {
  const bool wants = client == Encryption::On || client == Encryption::Required;
  const bool can = client != Encryption::NotSupported;
  switch (server) {
    case Encryption::NotSupported: return {Encryption::NotSupported, Scope::Nothing, wants};
    case Encryption::On:
    case Encryption::Required:
      if (wants) return {Encryption::On, Scope::All, false};
      return {Encryption::Required, can ? Scope::All : Scope::Nothing, !can};
    case Encryption::Off: break;
  }
  if (wants) return {Encryption::On, Scope::All, false};
  if (!can) return {Encryption::NotSupported, Scope::Nothing, false};
  return {Encryption::Off, Scope::Login, false};
}

Result<Scope> scope_of_answer(Encryption sent, Encryption answer) {
  const bool all = answer == Encryption::On || answer == Encryption::Required;
  switch (sent) {
    case Encryption::NotSupported:
      if (answer == Encryption::NotSupported) return Scope::Nothing;
      return fail(Blame::Server, "the server wants encryption and none was offered");
    case Encryption::On:
    case Encryption::Required:
      if (all) return Scope::All;
      return fail(Blame::Server, "the server does not encrypt and encryption was asked for");
    case Encryption::Off: break;
  }
  if (all) return Scope::All;
  if (answer == Encryption::Off) return Scope::Login;
  if (answer == Encryption::NotSupported) return Scope::Nothing;
  return fail(Blame::Server, "the server's answer about encryption is not known");
}

}  // namespace holdfast::tds
