#include "tds/driver_pool.h"

#include <algorithm>
#include <utility>

namespace holdfast::tds {
namespace {

constexpr std::size_t key_size = 32;
constexpr std::uint8_t user_type = 0x70, user_instance = 0x04;  // of OptionFlags2 and 3 (MS-TDS 2.2.6.4)

/// What cannot be said again, or changes what a connection is.
bool poolable(const Login7& login) {
  const FeatureOption* recovery = login.feature(Feature::SessionRecovery);
  return tds_version::has_all_headers(login.version) && !login.integrated() && !login.changes_password() &&
         !login.feature(Feature::FedAuth) && !login.feature(Feature::ColumnEncryption) &&
         login.attach_file.empty() && (login.flags2 & user_type) == 0 &&
         (login.flags3 & user_instance) == 0 && (!recovery || recovery->data.empty());
}

}  // namespace

void PooledStream::on_data(Bytes) { pool->broken(*this); }
void PooledStream::on_end() { pool->broken(*this); }
void PooledStream::on_fault(io::Fault, std::string_view) { pool->broken(*this); }

ServerPool::ServerPool(io::Loop& loop, Service& service, ServiceCounters& counters, InstanceLoad& load,
                       SqlCounters& sql)
    : loop_(loop),
      service_(service),
      counters_(counters),
      load_(load),
      sql_(sql),
      timer_(loop.timer(*this)),
      key_(random_bytes(key_size)),
      encrypt_(service.config().sql.encrypt) {
  service_.watch(*this);
  follow();
}

ServerPool::~ServerPool() { retire(); }

void ServerPool::retire() {
  retired_ = true;
  follow();
  close_all(pool_.sweep([](const PooledServer&) { return true; }));
}

void ServerPool::follow() {
  const conf::ServiceSql& sql = service_.config().sql;
  pool_.set_limits(
      {retired_ ? conf::SqlPool::Off : sql.pool, sql.pool_max, sql.pool_idle, sql.pool_lifetime});
  const bool off = pool_.limits().mode == conf::SqlPool::Off;
  if (std::exchange(encrypt_, sql.encrypt) == sql.encrypt && !(off && pool_.free() != 0)) return;
  close_all(pool_.sweep([](const PooledServer&) { return true; }));
}

bool ServerPool::sit(PoolGuest& guest, const Login7& login) {
  follow();
  if (pool_.limits().mode == conf::SqlPool::Off || !poolable(login)) return false;
  Login7 same = login;
  same.process = same.connection = 0;
  same.client_id.assign(same.client_id.size(), '\0');
  pool_.sit(guest, hmac_sha256(key_.reveal(), build_login7(same).reveal()));
  return true;
}

bool ServerPool::good(const PooledStream& server) const {
  const auto& instances = service_.view().instances;
  const auto at = static_cast<std::size_t>(server.instance);
  if (at >= instances.size() || instances[at].lost) return false;
  return instances[at].usable || (server.reads && instances[at].readable);
}

ServerPool::Got ServerPool::want(PoolGuest& guest, bool joins, bool fresh) {
  follow();
  Pool::Answer answer = pool_.want(guest, joins, loop_.now());
  Got got{answer.way};
  switch (answer.way) {
    case Pool::Way::Free: got.server.reset(static_cast<PooledStream*>(answer.server.release())); break;
    case Pool::Way::Steal:
      sql_.pool_stolen.add();
      got.server = static_cast<PoolGuest*>(answer.from)->give();
      break;
    case Pool::Way::Wait: sql_.pool_waited.add(); break;
    case Pool::Way::Open:
    case Pool::Way::Believed: break;
  }
  show();
  arm();
  if (!got.server) return got;
  got.server->pool = nullptr;
  if (fresh || pool_.aged(*got.server, loop_.now()) || !good(*got.server)) {
    close(std::move(got.server));
    return {Pool::Way::Open};
  }
  sql_.pool_resets.add();
  return got;
}

void ServerPool::put(PoolGuest& guest, std::unique_ptr<PooledStream> server) {
  follow();
  PooledStream& one = *server;
  if (!good(one)) {
    pool_.dropped(guest);
    arm();
    return close(std::move(server));
  }
  PooledPtr back = pool_.put(guest, std::move(server), loop_.now());
  if (back) {
    arm();
    return close(std::unique_ptr<PooledStream>(static_cast<PooledStream*>(back.release())));
  }
  one.pool = this;
  one.stream->set_events(one);
  one.stream->start_reading();
  sweep_due_ = std::min({sweep_due_, one.freed + pool_.limits().idle, one.born + pool_.limits().lifetime});
  show();
  arm();
}

void ServerPool::mark(PoolGuest& guest, bool lendable) {
  pool_.mark(guest, lendable);
  if (pool_.woken()) arm();
}

void ServerPool::dropped(PoolGuest& guest) {
  pool_.dropped(guest);
  arm();
}

void ServerPool::accepted(PoolGuest& guest, Bytes answer, const LoginFacts& facts) {
  if (!answer.empty()) {
    guest.group().answer = answer;
    guest.group().facts = facts;
  }
  pool_.accepted(guest, loop_.now());
  arm();
}

// ---- the free ones ----

void ServerPool::close(std::unique_ptr<PooledStream> server) {
  const auto at = static_cast<std::size_t>(server->instance);
  counters_.instances[at]->outstanding.sub();
  load_.give(at);
  server->stream->finish();
}

void ServerPool::broken(const PooledStream& server) {
  PooledPtr out = pool_.take_out(server);
  show();
  arm();
  if (out) close(std::unique_ptr<PooledStream>(static_cast<PooledStream*>(out.release())));
}

void ServerPool::close_all(std::vector<PooledPtr> servers) {
  for (PooledPtr& one : servers)
    close(std::unique_ptr<PooledStream>(static_cast<PooledStream*>(one.release())));
  show();
  arm();
}

void ServerPool::on_service_changed(Service&) {
  follow();
  close_all(
      pool_.sweep([this](const PooledServer& one) { return !good(static_cast<const PooledStream&>(one)); }));
}

// ---- time ----

void ServerPool::show() {
  const std::size_t free = pool_.free();
  free > shown_ ? sql_.pool_free.add(free - shown_) : sql_.pool_free.sub(shown_ - free);
  shown_ = free;
}

/// Who is next in the queue is served in a turn of its own: whoever made room may be busy with something.
void ServerPool::arm() { timer_->arm(pool_.woken() ? loop_.now() : sweep_due_); }

void ServerPool::on_timer() {
  const Instant now = loop_.now();
  while (PoolSeat* seat = pool_.next(now)) static_cast<PoolGuest*>(seat)->granted();
  if (now >= sweep_due_) {
    close_all(pool_.sweep([&](const PooledServer& one) { return pool_.stale(one, now); }));
    sweep_due_ = pool_.deadline();
  }
  arm();
}

}  // namespace holdfast::tds
