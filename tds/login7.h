// LOGIN7 (MS-TDS 2.2.6.4) with its feature extensions: read, and written anew for the server. Texts are
// kept as the UTF-16LE bytes that came, so that what is forwarded is what the client meant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/base/secret.h"

namespace holdfast::tds {

/// TDSVersion as a number; the wire has it little-endian here and big-endian in LOGINACK.
namespace tds_version {
inline constexpr std::uint32_t v7_0 = 0x70000000, v7_1 = 0x71000000, v7_1_sp1 = 0x71000001, v7_2 = 0x72090002,
                               v7_3a = 0x730A0003, v7_3b = 0x730B0003, v7_4 = 0x74000004, v8_0 = 0x08000000;
/// 7.2 and later (8.0 too): ALL_HEADERS, eight-byte counts in DONE, four-byte lines and user types.
bool has_all_headers(std::uint32_t version);
/// 7.4 and later (8.0 too, though it is the lesser number): FeatureExt in LOGIN7, and its acknowledgement.
bool has_feature_ext(std::uint32_t version);
}  // namespace tds_version

enum class Feature : std::uint8_t {
  SessionRecovery = 0x01, FedAuth = 0x02, ColumnEncryption = 0x04, GlobalTransactions = 0x05, AzureSql = 0x08,
  DataClassification = 0x09, Utf8 = 0x0A, AzureDnsCaching = 0x0B, Json = 0x0D, Vector = 0x0E,
  EnhancedRouting = 0x0F, UserAgent = 0x10,
};

struct FeatureOption {
  std::uint8_t id = 0;
  std::string data;
};
inline constexpr std::size_t features_max = 32;  ///< more are refused

struct Login7 {
  std::uint32_t version = 0, packet_size = 0, client_version = 0, process = 0, connection = 0;
  std::uint8_t flags1 = 0, flags2 = 0, type_flags = 0, flags3 = 0;
  std::uint32_t time_zone = 0, collation = 0;
  std::string host, user, application, server, library, language, database, attach_file;  // UTF-16LE
  Secret password, new_password;  // UTF-16LE, in clear
  std::string sspi;
  std::string client_id;  ///< six bytes
  std::vector<FeatureOption> features;  ///< without the terminator
  bool has_features = false;            ///< flags3 bit fExtension: a FeatureExt block is there, even if empty

  bool integrated() const { return (flags2 & 0x80) != 0; }  ///< NTLM or Kerberos: it cannot be repeated
  bool read_only_intent() const { return (type_flags & 0x20) != 0; }
  bool changes_password() const { return (flags3 & 0x01) != 0; }
  const FeatureOption* feature(Feature id) const;
};

inline constexpr std::size_t login7_max = 128 * 1024 - 1;  ///< bytes (2.2.6.4)

/// Every offset and length is checked; names over 128 units, a length field that lies, an unterminated
/// feature block or one named twice are errors. Error texts never contain a value.
Result<Login7> parse_login7(Bytes payload);
/// Writes the message's payload. Offsets are laid out anew.
Secret build_login7(const Login7& login);

/// SESSIONRECOVERY data (2.2.6.4, 2.2.7.21): what a recovery login carries.
struct SessionStateValue {
  std::uint8_t id = 0;
  std::string value;
};
struct RecoveryState {
  std::string database, language;  ///< UTF-16LE; empty: as the login has it
  std::string collation;           ///< five bytes or none
  std::vector<SessionStateValue> states;
};
/// FeatureExt data for a login: `initial` as the server first acknowledged it, `now` what to be set.
std::string build_recovery_data(const RecoveryState& initial, const RecoveryState& now);
Result<std::pair<RecoveryState, RecoveryState>> parse_recovery_data(Bytes data);
/// The list of (id, length, value) in an acknowledgement and in SESSIONSTATE.
Result<std::vector<SessionStateValue>> parse_state_values(Bytes data);
void append_state_values(std::string& out, const std::vector<SessionStateValue>& states);

}  // namespace holdfast::tds
