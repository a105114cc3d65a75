// What spans the directives of SQL: a listener of either mode, the service behind it, and its monitor.
#include "conf/validate.h"

namespace holdfast::conf {
namespace {

/// A relay of bytes has nothing to do with what needs them understood.
void check_opaque(const Listen& listen, const Service* service, Report& report) {
  const std::string path = "listen." + listen.name;
  if (listen.tls)
    report.error(report.place(path + ".tls"),
                 "tls needs mode = \"aware\": an opaque listener passes TDS's own TLS through");
  if (report.given(path + ".encrypt"))
    report.error(report.place(path + ".encrypt"), "encrypt needs mode = \"aware\"");
  if (service && service->tls)
    report.error(report.place("service." + service->name + ".tls"),
                 "tls is not supported for a service that an opaque tds listener, [" + path +
                     "], relays to: TDS has its own TLS, which is passed through");
}

void check_aware(const Listen& listen, const Service* service, Report& report) {
  const std::string path = "listen." + listen.name;
  if (!listen.tls && listen.tds.encrypt != TdsEncrypt::None && !report.failed())
    report.error(report.place(path + ".encrypt"), "encrypt needs a certificate: tls = { certificate = ... }");
  if (report.given(path + ".tls.alpn"))
    report.error(report.place(path + ".tls.alpn"), "a tds listener offers \"tds/8.0\", and nothing else");
  if (service && service->tls && service->sql.encrypt == TdsEncrypt::None)
    report.error(report.place("service." + service->name + ".tls"),
                 "there is nothing to verify with sql.encrypt = \"none\"");
  if (service && service->mode == Mode::Balance)
    report.warning(report.place("service." + service->name + ".mode"),
                   "[" + path +
                       "] keeps sessions across these instances: unless they share their data, "
                       "mode = \"active-standby\"");
}

void settle_monitor(Service& service, Report& report) {
  const std::string check = "service." + service.name + ".check";
  for (const char* kind : {"get", "head", "tcp", "none"}) {
    if (!report.given(check + "." + kind)) continue;
    report.warning(report.place("service." + service.name + ".monitor"),
                   "the monitor is not asked: check says \"" + std::string(kind) + "\"");
    return;
  }
  for (const char* name : {"every", "every-down", "timeout"})
    if (report.given(check + "." + name))
      report.error(report.place(check + "." + name),
                   "the monitor takes the place of the check: set monitor." + std::string(name));
  service.check.kind = CheckKind::Sql;
  service.check.every = service.monitor->every;
  service.check.every_down = service.monitor->every_down;
  service.check.timeout = service.monitor->timeout;
  if (!report.given(check + ".fall")) service.check.fall = 1;
  if (!report.given(check + ".rise")) service.check.rise = 1;
}

}  // namespace

void settle_tds(Snapshot& snapshot, Report& report) {
  for (Listen& listen : snapshot.listens) {
    if (listen.protocol != Protocol::Tds) continue;
    if (!listen.tls && !report.given("listen." + listen.name + ".encrypt"))
      listen.tds.encrypt = TdsEncrypt::None;
    if (listen.tls && !report.given("listen." + listen.name + ".tls.alpn")) listen.tls->alpn = {"tds/8.0"};
  }
  for (Service& service : snapshot.services)
    if (service.monitor) settle_monitor(service, report);
}

void check_tds_listen(const Snapshot& s, const Listen& listen, Report& report) {
  const std::string path = "listen." + listen.name;
  const Service* service = s.service(listen.service);
  if (listen.service.empty())
    report.error(report.place(path), "[" + path + "] with protocol \"tds\" needs \"service\"");
  else if (!service)
    report.error(report.place(path + ".service"), "there is no [service." + listen.service + "]" +
                                                      name_suggestion(listen.service, s.services));
  if (listen.tds.mode == TdsMode::Opaque)
    check_opaque(listen, service, report);
  else
    check_aware(listen, service, report);
  if (service && service->check.kind == CheckKind::Http)
    report.warning(report.place("service." + service->name + ".check." +
                                (service->check.method == "HEAD" ? "head" : "get")),
                   "[" + path +
                       "] relays TDS to this service, and a SQL server does not answer HTTP: unless "
                       "something else answers there, check = { tcp = true }");
  if (listen.redirect_https)
    report.error(report.place(path + ".redirect-https"), "redirect-https is of HTTP listeners only");
}

}  // namespace holdfast::conf
