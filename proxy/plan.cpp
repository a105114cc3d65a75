#include "proxy/plan.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/crypto.h"

namespace holdfast {

namespace {

io::TlsServerOptions server_options(const conf::ListenTls& tls, const std::string& pair_secret) {
  io::TlsServerOptions o;
  o.certificates = tls.certificates;
  o.keys = tls.keys;
  o.alpn = tls.alpn;
  o.tls13_only = tls.tls13_only;
  o.ciphers = tls.ciphers;
  o.tickets = tls.tickets;
  o.client_ca = tls.client_ca;
  // A browser that comes to the other node after a hand-over resumes there.
  if (!pair_secret.empty()) o.ticket_secret = derive_key(pair_secret, "holdfast tls tickets");
  return o;
}

io::TlsClientOptions client_options(const conf::ServiceTls& tls, const conf::Instance& instance) {
  io::TlsClientOptions o;
  o.ca = tls.ca;
  o.verify = tls.verify;
  o.certificate = tls.certificate;
  o.name = tls.name;
  if (o.name.empty()) {  // the host as the operator wrote it, without its port and brackets
    o.name = instance.configured_address.substr(0, instance.configured_address.rfind(':'));
    if (o.name.size() > 2 && o.name.front() == '[') o.name = o.name.substr(1, o.name.size() - 2);
  }
  return o;
}

}  // namespace

Plan::Plan(conf::SnapshotPtr snapshot) : snapshot_(std::move(snapshot)), router_(*snapshot_) {
  for (const conf::Route& route : snapshot_->routes) route_service_.push_back(service_index(route.service));
}

std::size_t Plan::service_index(std::string_view name) const {
  for (std::size_t i = 0; i < snapshot_->services.size(); ++i)
    if (snapshot_->services[i].name == name) return i;
  CHECK(!"a service that the configuration does not have");  // conf::load has checked every reference
  return 0;
}

Result<PlanPtr> Plan::make(conf::SnapshotPtr snapshot, const Plan* last) {
  std::shared_ptr<Plan> plan(new Plan(std::move(snapshot)));
  if (Status loaded = plan->load_tls(last ? &last->tls_ : nullptr); !loaded) return std::unexpected(loaded.error());
  return plan;
}

Status Plan::load_tls(const PlanTls* last) {
  for (const conf::Listen& listen : snapshot_->listens) {
    listen_tls_.emplace_back();
    if (!listen.tls) continue;
    const std::string owner = "listen." + listen.name;
    auto context = tls_.server(last, owner, server_options(*listen.tls, snapshot_->pair.secret));
    if (!context) return fail(Blame::Operator, owner + ": " + context.error().text);
    listen_tls_.back() = std::move(*context);
  }
  for (const conf::Service& service : snapshot_->services) {
    service_tls_.emplace_back();
    if (!service.tls) continue;
    const std::string owner = "service." + service.name;
    for (const conf::Instance& instance : service.instances) {
      auto context = tls_.client(last, owner + " " + instance.name, client_options(*service.tls, instance));
      if (!context) return fail(Blame::Operator, owner + ": " + context.error().text);
      service_tls_.back().push_back(std::move(*context));
    }
  }
  return load_sql_tls(last);
}

/// Who relays SQL to whom decides: TLS is then part of TDS, and verified only if the service has `tls`.
Status Plan::load_sql_tls(const PlanTls* last) {
  sql_tls_.resize(snapshot_->services.size());
  for (const conf::Listen& listen : snapshot_->listens) {
    if (listen.protocol != conf::Protocol::Tds || listen.tds.mode != conf::TdsMode::Aware) continue;
    const std::size_t at = service_index(listen.service);
    const conf::Service& service = snapshot_->services[at];
    if (service.sql.encrypt == conf::TdsEncrypt::None || !sql_tls_[at].empty()) continue;
    conf::ServiceTls unverified;
    unverified.verify = false;
    const std::string owner = "service." + service.name;
    for (const conf::Instance& instance : service.instances) {
      io::TlsClientOptions options = client_options(service.tls.value_or(unverified), instance);
      if (service.sql.encrypt == conf::TdsEncrypt::Strict) options.alpn = {"tds/8.0"};
      auto context = tls_.client(last, owner + ".sql " + instance.name, options);
      if (!context) return fail(Blame::Operator, owner + ": " + context.error().text);
      sql_tls_[at].push_back(std::move(*context));
    }
  }
  return {};
}

std::vector<const io::TlsContext*> Plan::sql_tls(std::size_t service) const {
  std::vector<const io::TlsContext*> contexts;
  for (const Tls& context : sql_tls_[service]) contexts.push_back(context.get());
  return contexts;
}

}  // namespace holdfast
