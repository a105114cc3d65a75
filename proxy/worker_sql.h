// One loop's sight of its aware SQL sessions: it counts what they ask by digest and by outcome, logs slow
// statements and those that a rule names, refuses what a rule denies, and keeps to the limits on logins. It
// shows digests and never a literal. Owned by the Worker; all calls come from the loop's thread.
#pragma once

#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/io/io.h"
#include "proxy/metrics.h"
#include "proxy/sql_gate.h"
#include "proxy/sql_report.h"
#include "tds/digest_table.h"
#include "tds/driver_sight.h"

namespace holdfast {

class SqlSight final : public tds::SqlSight {
 public:
  /// `number` of `loops`: which sessions' numbers are this loop's.
  SqlSight(io::Loop& loop, LoopMetrics& metrics, SqlGate* gate, unsigned number, unsigned loops)
      : loop_(loop), metrics_(metrics), gate_(gate), next_(number + loops), step_(loops) {}

  void follow(const conf::Snapshot& snapshot);

  // For the operator. `service` empty: all of them.
  void list(std::string_view service, std::vector<SqlSessionRow>& into);
  void top(std::string_view service, SqlTables& into) const;
  void survey(std::string_view service, std::string_view instance, Instant before, SqlSurvey& into);
  bool kill(std::uint64_t number);
  void pause(std::string_view service, std::optional<Duration> patience);
  void drain(std::string_view service);
  /// Of those who wait at the gate: there is room for these.
  void let_in(const std::vector<std::uint64_t>& numbers);

  // tds::SqlSight
  void on_request(const tds::SqlSession& session, const tds::RequestRecord& record) override;
  bool allow(const tds::SqlSession& session, const tds::RequestRecord& record, std::string& why) override;
  Admission admit(tds::SqlSession& session, std::string& why) override;
  void on_begin(tds::SqlSession& session) override;
  void on_end(tds::SqlSession& session, bool held) override;
  void on_moved(const tds::SqlSession& session) override;
  void on_held(const tds::SqlSession& session, bool held) override;
  std::optional<Duration> paused(const tds::SqlSession& session) override;

 private:
  struct Service : tds::SqlAccount {
    Service(const conf::ServiceSql& sql, SqlCounters& its)
        : config(sql), counters(&its), table(sql.digests) {}

    conf::ServiceSql config;
    SqlCounters* counters;
    tds::DigestTable table;
    std::optional<Duration> paused = {};  ///< how long a request may wait
  };
  /// Null: the service is not aware. A service stays known when a reload takes it away: sessions live on.
  Service* find(std::string_view service);
  static Service* of(const tds::SqlSession& session) { return static_cast<Service*>(session.account); }
  unsigned minute_of_day();
  template <class F>
  void each(std::string_view service, F&& f);

  io::Loop& loop_;
  LoopMetrics& metrics_;
  SqlGate* gate_;
  std::uint64_t next_;
  const unsigned step_;
  std::map<std::string, Service, std::less<>> services_;
  std::unordered_map<std::uint64_t, tds::SqlSession*> waiting_;
  std::int64_t minute_ = -1;  ///< since 1970, of ...
  unsigned minute_of_day_ = 0;
};

}  // namespace holdfast
