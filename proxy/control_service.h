// One service on the control loop: the health of its instances, the drained flags, the election or the
// balancing weights, and the view made of them. A pure machine: inputs come with the time, what is to be
// done comes out of take_actions(), deadline() says when on_timer() is due. The Control gives it sockets.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/control_service_claims.h"
#include "proxy/election.h"
#include "proxy/health.h"
#include "proxy/service_view.h"
#include "tds/role.h"

namespace holdfast {

inline constexpr std::size_t evidence_kinds = static_cast<std::size_t>(Evidence::Success) + 1;

struct InstanceStatus {
  std::string name;
  std::string address;
  HealthState health = HealthState::Unknown;
  bool drained = false;
  bool active = false;
  bool usable = false;
  std::uint32_t weight = 0;            ///< as published; see ServiceMachine::weight_scale
  Instant since;                       ///< of the health state
  std::string reason;
  std::uint64_t checks_ok = 0, checks_failed = 0;
  bool last_check_ok = false;          ///< the three: of the last check that ended; zero before it
  std::string last_check_why;          ///< empty if it passed
  Duration last_check_took{};
  std::array<std::uint64_t, evidence_kinds> evidence{};  ///< counts by Evidence
  tds::RoleAnswer sql;                 ///< check "sql": the last answer; role Unknown otherwise
};

struct ServiceStatus {
  std::string name;
  conf::Mode mode = conf::Mode::ActiveStandby;
  int active = -1;                     ///< active-standby: index; -1: none
  std::uint64_t elections = 0;
  Instant last_election;
  std::string election_reason;         ///< empty before the first
  std::vector<InstanceStatus> instances;
};

/// What survives a reload that changes the service, and an upgrade of the binary.
struct ServiceMemory {
  struct Instance {
    std::string name, address;
    HealthState health = HealthState::Unknown;
    bool drained = false;
    Instant since;
    std::string reason;
  };
  std::string name;
  std::string active;                  ///< empty: none
  std::uint64_t elections = 0;
  std::uint64_t epoch = 0;
  Instant last_election;
  std::vector<Instance> instances;
};

struct ServiceActions {
  struct Story {
    std::string kind, subject, text;   ///< for Events
  };
  struct Role {
    std::size_t instance = 0;
    bool active = false;
    bool command = false;              ///< run the hook's command
    bool post = false;                 ///< post to the instance: it is up
  };
  std::vector<std::size_t> probes;     ///< begin a check of these now, abandoning one under way
  std::vector<Story> stories;
  std::vector<Role> roles;
  bool published = false;              ///< view() is new
};

class ServiceMachine {
 public:
  /// Published weights are the configured ones times this, so that slow start has steps in between.
  static constexpr std::uint32_t weight_scale = 100;

  ServiceMachine(const conf::Service& config, std::uint64_t seed, Instant now);

  /// Takes over what belongs to instances of the same name and address. Before start().
  void recall(const ServiceMemory& memory);
  ServiceMemory memory() const;
  void start(Instant now);   ///< first decision and first view

  void on_timer(Instant now);
  void on_check(Instant now, std::size_t instance, bool ok, std::string_view why, Duration took);
  /// In place of on_check() where the check is of kind Sql.
  void on_role(Instant now, std::size_t instance, const tds::RoleAnswer& answer, Duration took);
  void on_closed(Instant now, std::size_t instance);   ///< the monitor's connection, between questions
  void on_evidence(Instant now, std::size_t instance, Evidence evidence, unsigned count);
  void set_drained(Instant now, std::size_t instance, bool drained);  ///< by hand; repeating it does nothing
  /// Elects what the holder of the virtual IP chose, while that is usable; -1: no longer. Balance: nothing.
  void follow(Instant now, int instance);

  Instant deadline() const;
  ServiceActions take_actions();
  const ServiceView& view() const { return view_; }
  ServiceStatus status() const;
  const conf::Service& config() const { return config_; }
  /// For changes that neither health nor election depends on (hooks, check request, TLS).
  void set_config(const conf::Service& config) { config_ = config; }
  int find(std::string_view instance) const;  ///< index, or -1

 private:
  struct Member {
    Health health;
    bool drained = false;
    bool role_owed = false;  // it was not up when its role was last posted
    Instant grows_from = Instant::never();  // slow start; never: full weight
    InstanceStatus counts = {};  // the counters of it only
    // check "sql"
    tds::RoleAnswer sql = {};
    SqlClaim claim = {};
    Contest contest = Contest::None;
    Instant asked = {};        // the last question
    Instant quiet_until = {};  // a closed connection before this is no news
  };

  void settle(Instant now);
  void settle_alone(Instant now);
  void settle_claims(Instant now);
  void drop_claims();
  void note_role(Instant now, Member& m, std::size_t i, const tds::RoleAnswer& answer);
  void count_check(std::size_t i, bool ok, std::string_view why, Duration took);
  std::string contest_text(std::size_t i) const;
  void elect(Instant now);
  void apply_step(Instant now, std::size_t i, Health::Step step);
  void post_owed_roles();
  void publish_if_changed(Instant now);
  std::uint32_t weight(const Member& m, std::size_t i, Instant now) const;
  Instant next_growth(Instant now) const;
  bool usable(std::size_t i) const;
  std::string name_of_instance(int i) const;
  std::string election_text(int before) const;
  void tell(std::string kind, std::size_t instance, std::string text);

  conf::Service config_;
  std::vector<Member> members_;
  Election election_;
  std::string election_reason_;
  ServiceView view_;
  bool verdict_ = false;   // a suspicion was cleared since the last view
  ServiceActions actions_;
  Instant growth_due_ = Instant::never();
};

}  // namespace holdfast
