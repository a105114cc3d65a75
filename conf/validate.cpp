#include "conf/validate.h"

#include <map>

namespace holdfast::conf {
namespace {

/// One socket cannot be bound twice; the admin listener counts.
void check_binds(const Snapshot& s, Report& report) {
  std::map<std::string, std::string> owners;
  const auto claim = [&](const std::vector<Address>& bind, const std::string& owner) {
    for (const Address& address : bind) {
      const auto [first, added] = owners.emplace(address.text(), owner);
      if (!added)
        report.error(report.place(owner + ".bind"),
                     address.text() + " is bound twice: by [" + first->second + "] and [" + owner + "]");
    }
  };
  for (const Listen& listen : s.listens) claim(listen.bind, "listen." + listen.name);
  claim(s.admin.bind, "admin");
}

void check_keys(const Listen& listen, Report& report) {
  if (listen.tls && !listen.tls->keys.empty() && listen.tls->keys.size() != listen.tls->certificates.size() &&
      !report.failed())
    report.error(report.place("listen." + listen.name + ".tls.key"),
                 "expected one key for each certificate (" + std::to_string(listen.tls->certificates.size()) +
                     "), or none if the keys stand in the certificates' files; got " +
                     std::to_string(listen.tls->keys.size()));
}

void check_http_listen(const Listen& listen, Report& report) {
  const std::string path = "listen." + listen.name;
  if (!listen.service.empty())
    report.error(report.place(path + ".service"),
                 "\"service\" is of tds listeners only; an HTTP listener needs a [[route]] to its service");
  for (const char* name : {"mode", "encrypt"})
    if (report.given(path + "." + name))
      report.error(report.place(path + "." + name), quoted(name) + " is of tds listeners only");
  if (listen.tls && listen.redirect_https)
    report.error(report.place(path + ".redirect-https"),
                 "this listener is https itself: it would redirect for ever");
}

void check_listens(const Snapshot& s, Report& report) {
  if (s.listens.empty()) report.error({}, "there is no [listen.NAME]: nothing would be served");
  for (const Listen& listen : s.listens) {
    const std::string path = "listen." + listen.name;
    if (listen.protocol == Protocol::Tds)
      check_tds_listen(s, listen, report);  // validate_tds.cpp
    else
      check_http_listen(listen, report);
    check_keys(listen, report);
    if (!listen.proxy_protocol.trusted.empty() && !listen.proxy_protocol.accept)
      report.error(report.place(path + ".accept-proxy-from"), "accept-proxy-from needs accept-proxy = true");
    const std::uint32_t head = listen.limits.header_bytes;
    if (head != 0 && listen.limits.request_line > head)  // 0: its own mistake was reported
      report.error(report.place(path + ".limits.request-line"), "request-line is larger than header-bytes");
  }
}

void check_instances(const Service& service, Report& report) {
  const std::string path = "service." + service.name;
  std::map<std::string, std::string> addresses;
  for (const Instance& instance : service.instances) {
    if (instance.address.family == Address::Family::None) continue;  // reported
    const auto [first, added] = addresses.emplace(instance.address.text(), instance.name);
    if (!added)
      report.error(report.place(path + ".instances." + instance.name),
                   "instance \"" + first->second + "\" has the same address " + instance.address.text());
  }
  if (!service.prefer.empty() && !contains_name(service.instances, service.prefer))
    report.error(report.place(path + ".prefer"),
                 "there is no such instance" + name_suggestion(service.prefer, service.instances));
}

void check_check(const Service& service, Report& report) {
  const std::string path = "service." + service.name + ".check";
  std::string first;
  for (const char* kind : {"get", "head", "tcp", "none"}) {
    if (!report.given(path + "." + kind)) continue;
    if (!first.empty())
      report.error(report.place(path + "." + kind),
                   "expected one of get, head, tcp and none; there is \"" + first + "\" too");
    first = kind;
  }
  if (service.check.kind == CheckKind::Http) {
    if (service.check.method == "HEAD" && !service.check.body_contains.empty())
      report.error(report.place(path + ".body"), "a HEAD has no body to look at: use get");
    return;
  }
  for (const char* name : {"host", "expect", "body"})
    if (report.given(path + "." + name))
      report.error(report.place(path + "." + name),
                   "\"" + std::string(name) + "\" needs an HTTP check: get or head");
}

void check_services(const Snapshot& s, Report& report) {
  for (const Service& service : s.services) {
    const std::string path = "service." + service.name;
    check_instances(service, report);
    check_check(service, report);
    if (service.mode != Mode::Balance && (!service.cookie.empty() || service.slow_start > Duration{}))
      report.error(report.place(path + (service.cookie.empty() ? ".slow-start" : ".cookie")),
                   "cookie and slow-start need mode = \"balance\"");
    if (service.mode == Mode::Balance && !service.prefer.empty())
      report.error(report.place(path + ".prefer"), "prefer needs mode = \"active-standby\"");
  }
}

}  // namespace

void validate(Snapshot& snapshot, Report& report) {
  settle_tds(snapshot, report);
  validate_cluster(snapshot, report);
  check_listens(snapshot, report);
  check_binds(snapshot, report);
  check_services(snapshot, report);
  validate_routes(snapshot, report);
}

}  // namespace holdfast::conf
