#include "proxy/check_driver.h"

#include <cstdio>
#include <utility>

namespace holdfast {

namespace {

constexpr std::string_view agent = "User-Agent: holdfast-check\r\nConnection: close\r\n";

// The connection is the proxy's own: "LOCAL" in version 2, "UNKNOWN" in version 1.
std::string_view proxy_header(unsigned version) {
  if (version == 1) return "PROXY UNKNOWN\r\n";
  return std::string_view("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
}

std::string host_of(const conf::Service& service, const conf::Instance& instance) {
  if (!service.check.host.empty()) return service.check.host;
  return instance.configured_address.empty() ? instance.address.text() : instance.configured_address;
}

std::string form_escape(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                 c == '_' || c == '.';
    unsigned char u = static_cast<unsigned char>(c);
    if (plain)
      out.push_back(c);
    else
      out.append({'%', digits[u >> 4], digits[u & 15]});
  }
  return out;
}

ProbeSpec base_spec(const conf::Service& service, const conf::Instance& instance, TlsContextPtr tls) {
  ProbeSpec spec;
  spec.address = instance.address;
  spec.tls = std::move(tls);
  spec.send_proxy = service.send_proxy;
  return spec;
}

std::string after_time(std::string_view what, Duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", time.to_seconds());
  return std::string(what).append(" in ").append(text).append(" s");
}

}  // namespace

ProbeSpec check_probe(const conf::Service& service, const conf::Instance& instance, TlsContextPtr tls) {
  const conf::Check& check = service.check;
  ProbeSpec spec = base_spec(service, instance, std::move(tls));
  spec.timeout = check.timeout;
  if (check.kind != conf::CheckKind::Http) return spec;
  spec.request = check.method + " " + check.path + " HTTP/1.1\r\n";
  spec.request.append("Host: ").append(host_of(service, instance)).append("\r\n").append(agent);
  spec.request.append("Accept: */*\r\n\r\n");
  spec.expect = {check.method == "HEAD", check.status_min, check.status_max, check.body_contains};
  return spec;
}

ProbeSpec hook_probe(const conf::Service& service, const conf::Instance& instance, TlsContextPtr tls,
                     const conf::Hook& hook, std::string_view state) {
  ProbeSpec spec = base_spec(service, instance, std::move(tls));
  spec.timeout = hook.timeout;
  std::string form = "service=" + form_escape(service.name) + "&instance=" + form_escape(instance.name) +
                     "&state=" + form_escape(state);
  spec.request = "POST " + hook.post + " HTTP/1.1\r\nHost: " + host_of(service, instance) + "\r\n";
  spec.request.append(agent).append("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ");
  spec.request.append(std::to_string(form.size())).append("\r\n\r\n").append(form);
  spec.expect = {false, 200, 299, {}};
  return spec;
}

namespace {
constexpr Duration again_after = Duration::millis(100);
}

Probe::Probe(io::Loop& loop, http::HeadParser& parser, Done done)
    : loop_(loop), parser_(parser), done_(std::move(done)), timer_(loop.timer(*this)) {}

void Probe::begin(const ProbeSpec& spec) {
  cancel();
  spec_ = spec;
  start();
}

void Probe::start() {
  began_ = loop_.now();
  connected_ = false;
  if (!spec_.request.empty()) answer_.emplace(spec_.expect, parser_);
  timer_->arm(began_ + spec_.timeout);
  stream_ = loop_.connect(spec_.address, *this);
  if (spec_.send_proxy != 0) stream_->write(proxy_header(spec_.send_proxy));
  if (spec_.tls) stream_ = io::make_tls_stream(loop_, std::move(stream_), spec_.tls->session(), *this);
}

void Probe::cancel() {
  stream_.reset();
  answer_.reset();
  starved_ = false;
  timer_->disarm();
}

void Probe::on_connected() {
  connected_ = true;
  if (!answer_) return finish(true, {});
  stream_->write(spec_.request);
  stream_->start_reading();
}

void Probe::on_data(Bytes data) {
  if (answer_) judge(answer_->feed(data));
}

void Probe::on_end() {
  if (answer_)
    judge(answer_->end());
  else
    finish(false, "closed while connecting");
}

void Probe::judge(HealthAnswer::Verdict verdict) {
  if (verdict == HealthAnswer::Verdict::Pass)
    finish(true, {});
  else if (verdict == HealthAnswer::Verdict::Fail)
    finish(false, std::string(answer_->why()));
}

void Probe::on_fault(io::Fault fault, std::string_view detail) {
  if (fault == io::Fault::NoResources) {
    // Our own want of descriptors or memory says nothing about the instance: ask again, give no verdict.
    cancel();
    starved_ = true;
    timer_->arm(loop_.now() + again_after);
    return;
  }
  std::string why(connected_ ? "connection lost: " : "connect failed: ");
  if (fault == io::Fault::Refused)
    why = "connect refused";
  else
    why.append(detail.empty() ? name_of(fault) : detail);
  finish(false, why);
}

void Probe::on_timer() {
  if (std::exchange(starved_, false)) return start();
  finish(false, after_time(connected_ ? "no answer" : "no connection", spec_.timeout));
}

void Probe::finish(bool ok, std::string_view why) {
  cancel();
  done_(ok, why, loop_.now() - began_);
}

}  // namespace holdfast
