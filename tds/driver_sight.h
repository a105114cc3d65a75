// What the rest of the program may see of aware SQL sessions, and do to them: each loop's sessions in a
// list, and each request as it is answered. One SqlSight belongs to each loop; all calls come from that
// loop's thread. A session outlives every call that it makes here, and takes itself out of the list when it
// ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/address.h"
#include "proxy/base/list.h"
#include "tds/conversation.h"

namespace holdfast::tds {

/// Who logged in, as the login named it; UTF-8.
struct LoginNames {
  std::string_view user, application, host;
  std::string_view database;  ///< of the login; a later USE is not followed
};

/// Of a service: what SqlSight has at hand for the requests of its sessions.
struct SqlAccount {};

class SqlSession : public ListNode<SqlSession> {
 public:
  virtual LoginNames names() const = 0;
  virtual Address client() const = 0;
  virtual std::string_view service() const = 0;
  virtual std::string_view instance() const = 0;  ///< empty: none at the moment
  virtual Instant opened() const = 0;
  /// Null until it is logged in.
  virtual const Conversation* conversation() const = 0;
  /// As Conversation::pause and drain; before the login is done they do nothing.
  virtual void pause(bool paused, Duration patience) = 0;
  virtual void drain_sql() = 0;
  /// How it shares its server: "shares", "lent", "waits", "pinned: temporary table"; empty: it does not.
  virtual std::string pooling() const { return {}; }
  virtual void kill() = 0;  ///< ends it now; its client sees a reset
  /// SqlSight::admit said that it waits: now there is room.
  virtual void admitted() = 0;

  /// Given by SqlSight::admit, for no other session of the process; 0: none yet.
  std::uint64_t number = 0;
  SqlAccount* account = nullptr;  ///< given with the number; outlives the session

 protected:
  ~SqlSession() = default;
};

class SqlSight {
 public:
  enum class Admission : std::uint8_t { Admitted, Waits, Refused };

  /// The client has said its login, and no server was asked yet: may it come in? `why` for the client.
  virtual Admission admit(SqlSession& session, std::string& why) = 0;
  /// Logged in, before its first request.
  virtual void on_begin(SqlSession& session) = 0;
  /// It was asked about by admit(), and is over; `held`: a request of it waited.
  virtual void on_end(SqlSession& session, bool held) = 0;
  /// It lost its server and was logged in at another.
  virtual void on_moved(const SqlSession& session) = 0;
  /// A request of it waits for a server or the end of a pause, or does so no more.
  virtual void on_held(const SqlSession& session, bool held) = 0;
  virtual void on_request(const SqlSession& session, const RequestRecord& record) = 0;
  /// Before a request is sent or repeated: false refuses it, `why` for the client.
  virtual bool allow(const SqlSession& session, const RequestRecord& record, std::string& why) = 0;
  /// Logged in: whether new requests have to wait from the beginning (`holdfast sql pause`), and how long
  /// one may.
  virtual std::optional<Duration> paused(const SqlSession& session) = 0;

  List<SqlSession>& sessions() { return sessions_; }

 protected:
  ~SqlSight() = default;

 private:
  List<SqlSession> sessions_;
};

}  // namespace holdfast::tds
