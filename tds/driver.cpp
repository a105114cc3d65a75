#include "tds/driver.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "tds/driver_opaque.h"
#include "tds/driver_session.h"

namespace holdfast::tds {
namespace {

constexpr std::size_t reasons_max = 200;

template <class Made>
void begin(io::StreamPtr stream, Doorman::Ticket ticket, TdsContext& context) {
  auto made = std::make_unique<Made>(context, std::move(ticket));
  Made& session = *made;
  context.sessions.add(std::move(made));
  session.open(std::move(stream));
}

}  // namespace

bool InstanceLoad::take(std::size_t instance, std::uint32_t max) {
  if (instance >= open_.size()) return true;
  auto& open = open_[instance];
  auto had = open.load(std::memory_order_relaxed);
  do {
    if (max != 0 && had >= max) return false;
  } while (!open.compare_exchange_weak(had, had + 1, std::memory_order_relaxed));
  return true;
}

void InstanceLoad::give(std::size_t instance) {
  if (instance < open_.size()) open_[instance].fetch_sub(1, std::memory_order_relaxed);
}

void SessionRecord::add_reason(std::string_view reason) {
  if (reasons.size() + reason.size() >= reasons_max) return;
  if (!reasons.empty()) reasons += ',';
  reasons += reason;
}

void log_session(TdsContext& context, const SessionRecord& from, int instance, std::string_view outcome) {
  context.counters.bytes_in.add(from.bytes_in);
  context.counters.bytes_out.add(from.bytes_out);
  if (!context.config.access_log) return;
  AccessRecord record;
  record.at = from.at;
  record.listen = context.config.name;
  record.service = context.service.config().name;
  if (instance >= 0)
    record.instance = context.service.config().instances[static_cast<std::size_t>(instance)].name;
  record.client = from.peer;
  record.tls = from.tls_version;
  record.user = from.user;
  record.application = from.application;
  record.database = from.database;
  record.bytes_in = from.bytes_in;
  record.bytes_out = from.bytes_out;
  record.total = context.loop.now() - from.opened;
  record.parked = from.parked;
  record.connect = from.connect;
  record.attempts = from.attempts;
  record.reasons = from.reasons;
  record.outcome = outcome;
  context.access.log(context.loop_number, record);
}

bool evidence_of(io::Fault fault, Evidence& evidence) {
  switch (fault) {
    case io::Fault::Refused: evidence = Evidence::Refused; return true;
    case io::Fault::Reset: evidence = Evidence::Reset; return true;
    case io::Fault::TimedOut: evidence = Evidence::ConnectTimeout; return true;
    case io::Fault::Unreachable: evidence = Evidence::Unreachable; return true;
    case io::Fault::Tls: evidence = Evidence::Tls; return true;
    default: return false;
  }
}

bool proxy_trusted(const conf::ProxyProtocol& config, const Address& peer) {
  return config.trusted.empty() ||
         std::any_of(config.trusted.begin(), config.trusted.end(),
                     [&](const Network& network) { return network.contains(peer); });
}

void accept_tds(io::StreamPtr stream, Doorman::Ticket ticket, TdsContext& context) {
  if (context.config.tds.mode == conf::TdsMode::Opaque)
    begin<TdsSession>(std::move(stream), std::move(ticket), context);
  else
    begin<AwareSession>(std::move(stream), std::move(ticket), context);
}

}  // namespace holdfast::tds
