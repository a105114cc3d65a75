// What a session has set since its login, as far as it must be said again to a new server, and what it holds
// that cannot be: the memory behind a restore. Fed with what requests' facts say and what answers show. Owned
// by a Conversation; bounded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "tds/login7.h"
#include "tds/statement.h"
#include "tds/token.h"

namespace holdfast::tds {

class Settings {
 public:
  static constexpr std::size_t settings_max = 64;  ///< different keys
  static constexpr std::size_t text_max = 8 * 1024;  ///< bytes of one
  static constexpr std::size_t temporary_max = 64;  ///< names of #tables
  static constexpr std::size_t state_max = 64 * 1024;  ///< bytes of SESSIONSTATE values

  // What SESSIONRECOVERY and the restoring batch start from: as the first login left it.
  void login(Bytes database, Bytes language, Bytes collation, std::vector<SessionStateValue> initial);

  /// A request was answered. `failed`: with an error, so that it is not known what of it was done.
  void apply(const StatementFacts& facts, bool failed);
  /// RESETCONNECTION (MS-TDS 2.2.3.1.2): all but the isolation level is as after the login.
  void reset();
  void database(Bytes utf16) { database_ = utf16; }
  void language(Bytes utf16) { language_ = utf16; }
  void collation(Bytes five) { collation_ = five; }
  /// SESSIONSTATE of the server.
  void session_state(const SessionState& state);
  void add(Unrecoverable what) { lost_ |= static_cast<UnrecoverableSet>(what); }
  void remove(Unrecoverable what) { lost_ &= static_cast<UnrecoverableSet>(~static_cast<unsigned>(what)); }

  /// What a new login would lack. `attested`: the server keeps SESSIONRECOVERY; then settings are its word.
  UnrecoverableSet unrecoverable(bool attested) const;
  bool implicit_transactions() const { return implicit_; }
  /// The isolation level is that of a new login.
  bool isolation_default() const;
  const std::string& database() const { return database_; }
  const RecoveryState& initial() const { return initial_; }  ///< as login() was told
  /// SESSIONRECOVERY data for a new login.
  std::string recovery_data() const;
  /// UTF-8 batch that brings a plain new login here, which stands at `database` and `language`; empty:
  /// nothing is to be said.
  std::string restoring_batch(Bytes database, Bytes language) const;
  /// The same for one that came with recovery data: the isolation level, if the server's account of the
  /// session lacks it.
  std::string isolation_batch() const;
  std::size_t memory() const;

 private:
  struct State {
    std::uint8_t id = 0;
    bool recoverable = true;
    std::string value;
  };
  void set(const Setting& setting);
  void flags();
  void temporary(const StatementFacts& facts, bool failed);

  RecoveryState initial_;
  std::string database_, language_, collation_;  // UTF-16LE; five bytes
  std::vector<Setting> settings_;  // in the order they were last said: SET LANGUAGE changes date settings
  std::vector<std::string> temporary_;
  std::vector<State> states_;
  UnrecoverableSet lost_ = 0;
  bool implicit_ = false;
  bool isolation_unknown_ = false;  // a setting that we could not read may have been it; a reset keeps it
};

/// [name] with its brackets doubled, in UTF-8.
std::string bracketed(Bytes utf16);

}  // namespace holdfast::tds
