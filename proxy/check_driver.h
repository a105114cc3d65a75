// One short conversation with an instance, on a connection of its own: a TCP connect, or an HTTP request
// whose answer is judged. Health checks and hooks are made of these. A Probe belongs to the control
// loop; it reports once a run and knows nothing of health.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conf/snapshot.h"
#include "proxy/health_answer.h"
#include "proxy/io/io.h"
#include "proxy/io/tls.h"

namespace holdfast {

using TlsContextPtr = std::shared_ptr<const io::TlsContext>;

/// TLS towards the instances of one service: none, one for all, or one each in the order of the
/// configuration (where a certificate is checked against each instance's own address).
class InstanceContexts {
 public:
  InstanceContexts() = default;
  InstanceContexts(TlsContextPtr all) : each_{std::move(all)} {}
  InstanceContexts(std::vector<TlsContextPtr> each) : each_(std::move(each)) {}

  TlsContextPtr of(std::size_t instance) const {
    if (each_.empty()) return nullptr;
    return each_.size() == 1 ? each_.front() : each_.at(instance);
  }
  /// Whether there is one for each of so many instances.
  bool cover(std::size_t instances) const { return each_.size() == 1 || each_.size() == instances; }

 private:
  std::vector<TlsContextPtr> each_;
};

struct ProbeSpec {
  Address address;
  TlsContextPtr tls;           ///< null: plain
  unsigned send_proxy = 0;     ///< PROXY protocol version the instance expects first; 0: none
  std::string request;  ///< whole HTTP request; empty: connecting (with TLS: the handshake) is enough
  Expectation expect;
  Duration timeout{};  ///< for all of it
};

/// The check that the service's configuration asks for. Not for CheckKind::None.
ProbeSpec check_probe(const conf::Service& service, const conf::Instance& instance, TlsContextPtr tls);
/// POST with "service=...&instance=...&state=active" (or standby) as a form; any 2xx is success.
ProbeSpec hook_probe(const conf::Service& service, const conf::Instance& instance, TlsContextPtr tls,
                     const conf::Hook& hook, std::string_view state);

class Probe final : private io::StreamEvents, private io::TimerEvents {
 public:
  /// `why` is empty if ok. The probe may be begun again from inside, but not destroyed.
  using Done = std::function<void(bool ok, std::string_view why, Duration took)>;

  Probe(io::Loop& loop, http::HeadParser& parser, Done done);
  /// Begins; a run under way is abandoned without a report.
  void begin(const ProbeSpec& spec);
  void cancel();
  bool busy() const { return stream_ != nullptr || starved_; }

 private:
  void on_connected() override;
  void on_data(Bytes data) override;
  void on_end() override;
  void on_fault(io::Fault fault, std::string_view detail) override;
  void on_timer() override;
  void start();
  void judge(HealthAnswer::Verdict verdict);
  void finish(bool ok, std::string_view why);

  io::Loop& loop_;
  http::HeadParser& parser_;
  Done done_;
  io::TimerPtr timer_;
  io::StreamPtr stream_;
  std::optional<HealthAnswer> answer_;
  ProbeSpec spec_;
  Instant began_;
  bool connected_ = false;
  bool starved_ = false;  ///< waits for a descriptor of our own
};

}  // namespace holdfast
