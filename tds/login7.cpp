#include "tds/login7.h"

#include <algorithm>
#include <optional>

#include "tds/little.h"
#include "tds/login7_features.h"

namespace holdfast::tds {

namespace {

// TDS 8.0 is numbered below the versions it follows.
bool at_least(std::uint32_t version, std::uint32_t least) {
  return version >> 24 == tds_version::v8_0 >> 24 || version >= least;
}

}  // namespace

namespace tds_version {

bool has_all_headers(std::uint32_t version) { return at_least(version, 0x72000000); }
bool has_feature_ext(std::uint32_t version) { return at_least(version, 0x74000000); }

}  // namespace tds_version

namespace {

constexpr std::size_t fixed_size = 94, fixed_size_before_7_2 = 86;  // without ChangePassword and cbSSPILong
constexpr std::size_t name_units_max = 128, file_units_max = 260;
constexpr std::uint8_t extension_flag = 0x10;

std::unexpected<Error> refuse(const char* what) {
  return fail(Blame::Client, std::string("LOGIN7: ") + what);
}

std::size_t fixed_part(std::uint32_t version) {
  return tds_version::has_all_headers(version) ? fixed_size : fixed_size_before_7_2;
}

// 2.2.6.4: the nibbles of each byte change places, then it is XORed with A5.
std::string scrambled(Bytes clear) {
  std::string out(clear);
  for (char& c : out) {
    const auto b = static_cast<unsigned char>(c);
    c = static_cast<char>((b << 4 | b >> 4) ^ 0xA5);
  }
  return out;
}

Secret unscrambled(Bytes bytes) {
  std::string out(bytes);
  for (char& c : out) {
    const auto b = static_cast<unsigned char>(static_cast<unsigned char>(c) ^ 0xA5);
    c = static_cast<char>(b << 4 | b >> 4);
  }
  Secret secret(out);
  wipe(out);
  return secret;
}

// Reads (offset, length) pairs and finds what they point at. After a bad one everything is empty.
class Places {
 public:
  Places(Bytes payload, std::size_t fixed) : payload_(payload), fixed_(fixed) {}

  Bytes at(std::size_t offset, std::size_t bytes) {
    if (bytes == 0) return {};
    if (offset < fixed_ || offset > payload_.size() || bytes > payload_.size() - offset) {
      good_ = false;
      return {};
    }
    return payload_.substr(offset, bytes);
  }
  Bytes units(LittleReader& in, std::size_t units_max) {
    const std::size_t offset = in.u16().value_or(0), units = in.u16().value_or(0);
    if (units > units_max) long_ = true;
    return long_ ? Bytes{} : at(offset, units * 2);
  }
  std::string text(LittleReader& in, std::size_t units_max = name_units_max) {
    return std::string(units(in, units_max));
  }
  bool good() const { return good_; }
  bool long_name() const { return long_; }

 private:
  Bytes payload_;
  std::size_t fixed_;
  bool good_ = true;
  bool long_ = false;
};

// What the pairs point at, as it is being laid out; each call gives a pair's four bytes. SSPI is the only
// long field behind a 16-bit offset, so it goes last.
class Layout {
 public:
  explicit Layout(std::size_t fixed) : fixed_(fixed) { data_.reserve(16 * 1024); }
  ~Layout() { wipe(data_); }

  std::string text(Bytes utf16) {
    const std::size_t units = utf16.size() / 2;
    return pair(utf16.substr(0, units * 2), units);
  }
  std::string password(const Secret& secret) {
    std::string hidden = scrambled(secret.reveal());
    std::string out = text(hidden);
    wipe(hidden);
    return out;
  }
  std::string sspi(Bytes token) { return pair(token, std::min<std::size_t>(token.size(), 0xFFFF)); }
  /// Four bytes that are to say where the features are, if there are any.
  std::string pointer(bool wanted) {
    if (!wanted) return pair({}, 0);
    pointer_at_ = data_.size();
    return pair(std::string(4, '\0'), 4);
  }
  void point_at_end() {
    if (!pointer_at_) return;
    std::string offset;
    LittleWriter(offset).u32(static_cast<std::uint32_t>(fixed_ + data_.size()));
    data_.replace(*pointer_at_, offset.size(), offset);
  }
  Bytes bytes() const { return data_; }

 private:
  std::string pair(Bytes bytes, std::size_t count) {
    std::string out;
    LittleWriter(out)
        .u16(static_cast<std::uint16_t>(fixed_ + data_.size()))
        .u16(static_cast<std::uint16_t>(count));
    data_.append(bytes);
    return out;
  }

  std::size_t fixed_;
  std::string data_;  // texts come to under 4 KiB: no growth that leaves a copy of a password behind
  std::optional<std::size_t> pointer_at_;
};

void parse_numbers(LittleReader& in, Login7& out) {
  out.version = in.u32().value_or(0);
  out.packet_size = in.u32().value_or(0);
  out.client_version = in.u32().value_or(0);
  out.process = in.u32().value_or(0);
  out.connection = in.u32().value_or(0);
  out.flags1 = in.u8().value_or(0);
  out.flags2 = in.u8().value_or(0);
  out.type_flags = in.u8().value_or(0);
  out.flags3 = in.u8().value_or(0);
  out.time_zone = in.u32().value_or(0);
  out.collation = in.u32().value_or(0);
}

// The (offset, length) pairs in their order; `extension` is what theirs points at.
void parse_texts(LittleReader& in, Places& places, Login7& out, Bytes& extension) {
  out.host = places.text(in);
  out.user = places.text(in);
  out.password = unscrambled(places.units(in, name_units_max));
  out.application = places.text(in);
  out.server = places.text(in);
  const std::size_t extension_at = in.u16().value_or(0), extension_size = in.u16().value_or(0);
  if (out.has_features) extension = places.at(extension_at, extension_size);
  out.library = places.text(in);
  out.language = places.text(in);
  out.database = places.text(in);
  out.client_id = std::string(in.bytes(6).value_or(Bytes{}));
  const std::size_t sspi_at = in.u16().value_or(0);
  std::size_t sspi_size = in.u16().value_or(0);
  out.attach_file = places.text(in, file_units_max);
  if (tds_version::has_all_headers(out.version)) {
    out.new_password = unscrambled(places.units(in, name_units_max));
    const std::uint32_t longer = in.u32().value_or(0);
    if (sspi_size == 0xFFFF && longer != 0) sspi_size = longer;
  }
  out.sspi = std::string(places.at(sspi_at, sspi_size));
}

}  // namespace

const FeatureOption* Login7::feature(Feature id) const {
  for (const FeatureOption& option : features)
    if (option.id == static_cast<std::uint8_t>(id)) return &option;
  return nullptr;
}

Result<Login7> parse_login7(Bytes payload) {
  if (payload.size() > login7_max) return refuse("too long");
  LittleReader in(payload);
  const auto length = in.u32();
  if (!length || *length != payload.size()) return refuse("its length is not what it says");
  Login7 out;
  parse_numbers(in, out);
  const std::size_t fixed = fixed_part(out.version);
  if (payload.size() < fixed) return refuse("cut short");
  out.has_features = tds_version::has_feature_ext(out.version) && (out.flags3 & extension_flag) != 0;

  Places places(payload, fixed);
  Bytes extension;
  parse_texts(in, places, out, extension);
  if (places.long_name()) return refuse("a name is too long");
  if (!places.good()) return refuse("a field is out of bounds");
  if (!out.has_features) return out;

  const auto features_at = LittleReader(extension).u32();
  if (!features_at) return refuse("the extension is cut short");
  if (*features_at < fixed || *features_at > payload.size()) return refuse("the features are out of bounds");
  auto features = parse_features(payload.substr(*features_at));
  if (!features) return std::unexpected(std::move(features).error());
  out.features = std::move(*features);
  return out;
}

Secret build_login7(const Login7& login) {
  const bool newer = tds_version::has_all_headers(login.version);
  const bool extends = login.has_features && tds_version::has_feature_ext(login.version);
  const std::size_t fixed = fixed_part(login.version);
  Layout data(fixed);
  const std::string attach_file = data.text(login.attach_file);
  const std::string new_password = newer ? data.password(login.new_password) : std::string();
  std::string head;
  LittleWriter pairs(head);
  pairs.bytes(data.text(login.host))
      .bytes(data.text(login.user))
      .bytes(data.password(login.password))
      .bytes(data.text(login.application))
      .bytes(data.text(login.server))
      .bytes(data.pointer(extends))
      .bytes(data.text(login.library))
      .bytes(data.text(login.language))
      .bytes(data.text(login.database));
  std::string id = login.client_id;
  id.resize(6);
  pairs.bytes(id).bytes(data.sspi(login.sspi)).bytes(attach_file).bytes(new_password);
  const bool long_sspi = login.sspi.size() >= 0xFFFF;
  if (newer) pairs.u32(long_sspi ? static_cast<std::uint32_t>(login.sspi.size()) : 0);

  std::string features;
  if (extends) append_features(features, login.features);
  data.point_at_end();
  const int extension = extends ? extension_flag : 0;
  const int flags3 = tds_version::has_feature_ext(login.version)
                         ? (login.flags3 & ~extension_flag) | extension
                         : login.flags3;
  const std::size_t size = fixed + data.bytes().size() + features.size();
  std::string out;
  out.reserve(size);
  LittleWriter(out)
      .u32(static_cast<std::uint32_t>(size))
      .u32(login.version)
      .u32(login.packet_size)
      .u32(login.client_version)
      .u32(login.process)
      .u32(login.connection)
      .u8(login.flags1)
      .u8(login.flags2)
      .u8(login.type_flags)
      .u8(static_cast<std::uint8_t>(flags3))
      .u32(login.time_zone)
      .u32(login.collation)
      .bytes(head)
      .bytes(data.bytes())
      .bytes(features);
  Secret whole(out);
  wipe(out);
  return whole;
}

}  // namespace holdfast::tds
