// The request's side of an exchange: judging its head, finding its route, keeping its body and passing
// it on. See driver_exchange.h.
#include "proxy/http/driver_exchange.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "proxy/base/check.h"
#include "proxy/base/log.h"
#include "proxy/http/serialise.h"

namespace holdfast::http {

namespace {

/// Above this many bytes queued towards an instance the client is not read any further.
constexpr std::size_t server_queue_max = 256 * 1024;

/// Appends "1a2b\r\n" for a chunk of `size` bytes, RFC 9112 section 7.1.
Bytes chunk_line(std::uint64_t size, char (&room)[20]) {
  char* end = std::to_chars(room, room + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  return Bytes(room, static_cast<std::size_t>(end - room));
}

}  // namespace

void ExchangeDriver::begin(ExchangeClient& client, const ClientFacts& facts, Bytes block, Instant first_byte,
                           bool last) {
  client_ = &client;
  facts_ = &facts;
  plan_ = facts.plan;
  ++plan_->refs;
  block_.assign(block);
  first_byte_ = first_byte;
  head_at_ = loop_.loop.now();
  keep_alive_ = !last;
  if (!accept_head()) return;
  request_done_ = head_.framing == Framing::None;
  if (facts.listen->redirect_https) return answer_redirect();
  if (!find_route()) return;
  if (is_last_hop(head_)) return answer(head_.method == Method::Options ? 200 : 501, "max-forwards");
  if (head_.framing == Framing::Length && head_.content_length > route_->body_max)
    return answer(413, "refused:body-too-large");

  hub_ = plan_->hubs[plan_->plan->service_index(*route_)];
  const bool body_follows = !request_done_;
  exchange_.begin(*route_, hub_->service.config().timeouts, head_.method, head_.has(Known::IdempotencyKey),
                  body_follows, head_at_);
  if (body_follows) {
    if (head_.expect_continue) exchange_.expect_continue();
    BodyLimits limits{facts.listen->limits.chunk_extension, facts.listen->limits.trailer_bytes};
    body_in_.start(head_.framing, head_.content_length, limits);
    store_.open(loop_.budget, loop_.metrics, route_->retain_memory);
    if (body_in_.done()) {  // Content-Length: 0
      request_done_ = true;
      exchange_.on_request_complete(head_at_);
    }
  }
  hub_->pool.retry_budget().on_request(head_at_);
  hub_->service.watch(*this);
  write_request();
  if (request_done_)
    start_attempt();  // else on_client_data, which follows, starts it with the first of the body
}

bool ExchangeDriver::accept_head() {
  const conf::HttpLimits& l = facts_->listen->limits;
  ParseLimits limits{l.request_line, l.header_bytes, l.header_count, 2 * std::size_t{l.leading_crlf}};
  auto parsed = loop_.parser.parse_request(block_, limits, head_);
  if (parsed) {
    keep_alive_ = keep_alive_ && head_.keep_alive;
    return true;
  }
  const Refusal& refusal = parsed.error();
  log_warning("request refused", {{"listen", facts_->listen->name},
                                  {"client", facts_->peer_ip},
                                  {"rule", refusal.rule},
                                  {"see", refusal.section}});
  plan_->listens[facts_->listen_index]->bad_requests.add();
  head_ = RequestHead{};  // what was parsed of it is not to be believed
  request_broken_ = true;
  answer(refusal.status, std::string("refused:") + std::string(refusal.rule));
  return false;
}

bool ExchangeDriver::find_route() {
  auto match = plan_->plan->router().match(*facts_->routes, head_.host, head_.path, head_.method_text);
  route_ = match.route;
  switch (match.miss) {
    case Router::Miss::None: return true;
    case Router::Miss::NotFound: answer(404, "no-route"); return false;
    case Router::Miss::Method: answer(405, "no-route"); return false;
    case Router::Miss::Path: request_broken_ = true, answer(400, "refused:ambiguous-path"); return false;
  }
  return false;
}

/// A 405 says which methods there are (RFC 9110 section 15.5.6): those that routes name and that would match.
std::string ExchangeDriver::allow_field() const {
  std::set<std::string_view> methods;
  for (const conf::Route& route : plan_->plan->snapshot().routes)
    for (const std::string& method : route.methods)
      if (plan_->plan->router().find(*facts_->routes, head_.host, head_.path, method)) methods.insert(method);
  std::string field = "Allow:";
  for (std::string_view method : methods) field.append(field.back() == ':' ? " " : ", ").append(method);
  return field + "\r\n";
}

void ExchangeDriver::write_request() {
  RequestContext context;
  context.client = facts_->peer_ip;
  context.family = facts_->peer.family;
  context.proto = facts_->tls_version.empty() ? "http" : "https";
  context.trusted = facts_->trusted;
  context.generated_id = loop_.next_request_id(request_id_);
  context.default_host = route_->service;  // an HTTP/1.0 client may send none; an HTTP/1.1 instance needs one
  context.ops = route_->request_headers;
  context.framing = head_.framing;
  context.content_length = head_.content_length;
  context.keep_expect = head_.expect_continue;
  context.keep_upgrade = head_.upgrade;
  context.keep_trailers = route_->trailers;
  wire_.clear();
  const std::string_view id = write_request_head(head_, context, wire_);
  if (id.data() != request_id_.data()) request_id_.assign(id);
}

// ---- the body ----

std::size_t ExchangeDriver::on_client_data(Bytes data) {
  const Instant now = loop_.loop.now();
  const std::size_t offered = data.size();
  while (!request_done_ && !request_broken_ && client_ && !data.empty()) {
    auto step = body_in_.step(data);
    if (!step) {
      request_broken_ = true;
      log_warning("request refused", {{"listen", facts_->listen->name},
                                      {"client", facts_->peer_ip},
                                      {"rule", step.error().rule},
                                      {"see", step.error().section}});
      plan_->listens[facts_->listen_index]->bad_requests.add();
      answer(step.error().status, std::string("refused:") + std::string(step.error().rule));
      return offered;
    }
    data.remove_prefix(step->taken);
    if (body_in_.received() > route_->body_max) {
      answer(413, "refused:body-too-large");
      return offered;
    }
    if (!step->data.empty() && !keep_body(step->data)) return offered;
    request_done_ = step->done;
  }
  if (!client_) return offered;
  if (data.size() != offered) exchange_.on_request_body(now);
  if (request_done_) exchange_.on_request_complete(now);
  if (body_too_slow(now)) {
    answer(408, "refused:body-too-slow");
    return offered;
  }
  if (exchange_.attempts() > 0)
    pump_request();
  else if (!parked_ && ready_to_send())
    start_attempt();
  else
    wait_if_blocked();
  if (client_) client_->rearm();
  return offered - data.size();
}

/// A body is gathered before an instance is bothered with it, so that a trickling client costs nothing but
/// its buffer; a large one flows once its memory share is full. Who asked to be told to go on is asking the
/// instance (RFC 9110 section 10.1.1).
bool ExchangeDriver::ready_to_send() const {
  return request_done_ || head_.expect_continue ||
         store_.size() >= std::min(route_->retain_memory, route_->retain_max);
}

/// Keeps a run of the body, or passes it straight on when nothing will ever ask for it again.
bool ExchangeDriver::keep_body(Bytes run) {
  const std::uint64_t total = store_base_ + store_.size();
  const bool flowing = server_ && head_sent_ && sent_offset_ == total;
  const bool wanted =
      exchange_.may_repeat(true, true) && store_base_ == 0 && total + run.size() <= route_->retain_max;
  if (flowing && !wanted) {
    char room[20];
    const bool chunked = head_.framing == Framing::Chunked;
    const Bytes pieces[] = {chunked ? chunk_line(run.size(), room) : Bytes{}, run,
                            chunked ? Bytes("\r\n") : Bytes{}};
    store_.clear();
    ListNode<Holder>::unlink();
    store_base_ = total + run.size();
    sent_offset_ = store_base_;
    send_pieces(pieces);
    return true;
  }
  make_room(run.size());
  if (!client_) return false;  // it was this request that had to go
  if (Status kept = store_.append(run); !kept) {
    log_warning("request shed", {{"route", route_->name}, {"reason", kept.error().text}});
    shed();
    return false;
  }
  if (!linked_as_holder()) loop_.holders.push_back(*this);
  return true;
}

/// Makes room for `size` more bytes by giving up the requests that have held theirs the longest, this one
/// perhaps among them.
void ExchangeDriver::make_room(std::size_t size) {
  const bool on_disk = store_.spills(size);
  while (client_ && !store_.has_room(size)) {
    Holder* oldest = loop_.holders.front();
    while (oldest && on_disk && !oldest->spilled()) oldest = List<Holder>::next(*oldest);
    if (!oldest) return;
    oldest->shed();
  }
}

bool ExchangeDriver::body_too_slow(Instant now) const {
  if (request_done_ || route_->body_rate_min == 0) return false;
  const Duration since = now - head_at_;
  if (since <= route_->body_timeout || client_paused_) return false;
  return static_cast<double>(body_in_.received()) < since.to_seconds() * route_->body_rate_min;
}

/// Sends what the store has and the attempt has not: after a start, a replay, or when the queue drained.
void ExchangeDriver::pump_request() {
  if (!server_ || !head_sent_) return wait_if_blocked();
  const bool chunked = head_.framing == Framing::Chunked;
  while (sent_offset_ < store_base_ + store_.size() && server_->queued() <= server_queue_max) {
    auto part = store_.read(sent_offset_ - store_base_, loop_.spill_scratch.get(), spill_scratch_size);
    if (!part || part->empty()) {
      log_error("retained body lost", {{"reason", part ? "short read" : part.error().text}});
      return answer(500, "spill-failed");
    }
    char room[20];
    const Bytes pieces[] = {chunked ? chunk_line(part->size(), room) : Bytes{}, *part,
                            chunked ? Bytes("\r\n") : Bytes{}};
    sent_offset_ += part->size();
    send_pieces(pieces);
  }
  const bool all = sent_offset_ == store_base_ + store_.size();
  if (all && request_done_ && chunked && !last_chunk_sent_) {
    last_chunk_sent_ = true;
    const Bytes last[] = {"0\r\n\r\n"};
    send_pieces(last);
  }
  // One read can bring more than may be kept; how it was cut up must not decide whether it is repeated.
  const bool too_large = store_base_ == 0 && store_.size() > route_->retain_max;
  if (all && store_.size() > 0 && (too_large || !exchange_.may_repeat(true, true))) forget_body();
  wait_if_blocked();
}

/// What has been sent is not kept any longer: from here on the request cannot be repeated.
void ExchangeDriver::forget_body() {
  store_base_ = sent_offset_;
  store_.clear();
  ListNode<Holder>::unlink();
}

void ExchangeDriver::send_pieces(std::span<const Bytes> pieces) {
  server_->send(pieces);
  exchange_.on_request_sent(loop_.loop.now());
}

/// Stops reading the client while its bytes have nowhere to go, and starts again when they have.
void ExchangeDriver::wait_if_blocked() {
  if (request_done_ || !client_) return;
  const std::uint64_t kept = store_.size();
  const bool stuck =
      server_ && head_sent_ ? server_->queued() > server_queue_max : kept >= route_->retain_max;
  if (stuck == client_paused_) return;
  client_paused_ = stuck;
  if (stuck) {
    client_->pause_client();
    exchange_.on_body_paused(loop_.loop.now());
  } else {
    client_->resume_client();
    exchange_.on_request_body(loop_.loop.now());
  }
}

// ---- ends ----

void ExchangeDriver::answer_redirect() {
  std::string host(head_.host.empty() ? client_->local_address().ip() : std::string(head_.host));
  if (facts_->listen->redirect_https != 443) host += ":" + std::to_string(facts_->listen->redirect_https);
  plan_->listens[facts_->listen_index]->redirects.add();
  status_ = 308;
  out_head_.clear();
  const bool keep = keep_alive_ && head_.framing == Framing::None;
  write_redirect("https://" + host + std::string(head_.target), keep, head_.version_minor, out_head_);
  client_->write_client(std::array{Bytes(out_head_)});
  finish(keep, false, "redirect");
}

void ExchangeDriver::answer(unsigned status, std::string_view outcome) {
  drop_server();
  if (response_open_ && exchange_.forwarded()) return finish(false, true, outcome);
  const bool keep = keep_alive_ && request_done_ && !request_broken_;
  if (!fallback_.empty() && status >= 502) {  // the instance's own words are better than ours
    status_ = fallback_status_;
    client_->write_client(std::array{Bytes(fallback_)});
    return finish(false, false, "instance-error");
  }
  status_ = status;
  LocalResponse local;
  local.status = status;
  local.keep_alive = keep;
  local.version_minor = head_.version_minor;
  local.head_only = head_.method == Method::Head;
  local.request_id = request_id_;
  local.json = prefers_json(head_);
  local.html = prefers_html(head_);
  local.date = loop_.date();
  if (status == 503) local.retry_after_seconds = 1;
  const std::string allow = status == 405 ? allow_field() : std::string();
  local.fields = allow;
  if (route_ && status >= 502 && !route_->error_page.empty()) {
    local.body = route_->error_page;
    local.content_type = route_->error_type;
  }
  out_head_.clear();
  write_local_response(local, out_head_);
  if (hub_ && status >= 500) hub_->counters.errors_local.add();
  client_->write_client(std::array{Bytes(out_head_)});
  finish(keep, false, outcome);
}

void ExchangeDriver::on_client_gone() {
  drop_server();
  ListNode<ServiceWatcher>::unlink();
  log("client-gone");
  client_ = nullptr;
  reset();
}

void ExchangeDriver::finish(bool reusable, bool cut, std::string_view outcome) {
  drop_server();
  log(outcome);
  ExchangeClient* client = client_;
  client_closes_ = request_done_ && !request_broken_ && !head_.keep_alive;
  reset();
  client->exchange_done(reusable, cut);
}

void ExchangeDriver::log(std::string_view outcome) {
  unpark();
  const Duration total = loop_.loop.now() - first_byte_;
  if (hub_) {
    hub_->counters.requests.add();
    hub_->counters.status[std::min(status_ / 100, 5u)].add();
    hub_->counters.latency.record(total);
  }
  if (!facts_->listen->access_log) return;
  AccessRecord r;
  r.at = WallTime{loop_.loop.wall().us - total.to_micros()};
  r.listen = facts_->listen->name;
  if (route_) r.route = route_->name;
  if (hub_) {
    r.service = hub_->service.config().name;
    if (last_instance_ >= 0)
      r.instance = hub_->service.config().instances[static_cast<std::size_t>(last_instance_)].name;
  }
  r.client = facts_->peer;
  r.method = head_.method_text;
  r.host = head_.host;
  r.target = head_.target;
  r.user_agent = head_.value(Known::UserAgent);
  r.request_id = request_id_;
  r.tls = facts_->tls_version;
  r.version_minor = head_.version_minor;
  r.status = status_;
  r.bytes_in = body_in_.received();
  r.bytes_out = body_out_;
  r.total = total;
  r.parked = parked_for_;
  r.connect = connect_for_;
  r.first_byte = first_byte_for_;
  r.attempts = exchange_.attempts();
  r.reasons = reasons_;
  r.outcome = outcome;
  loop_.access.log(loop_.number, r);
}

/// Ready for the next request. Strings keep their capacity; large bodies have given theirs back.
void ExchangeDriver::reset() {
  ListNode<ServiceWatcher>::unlink();
  ListNode<Holder>::unlink();
  store_.clear();
  exchange_.end();
  --plan_->refs;
  client_ = nullptr;
  facts_ = nullptr;
  plan_ = nullptr;
  hub_ = nullptr;
  route_ = nullptr;
  store_base_ = sent_offset_ = body_out_ = runs_size_ = avoid_ = 0;
  request_done_ = request_broken_ = client_paused_ = head_sent_ = last_chunk_sent_ = parked_ = owes_budget_ =
      awaits_verdict_ = false;
  response_open_ = chunked_out_ = until_close_out_ = going_away_ = ended_ = continue_sent_ = server_paused_ =
      tunnel_ = false;
  keep_alive_ = true;
  last_instance_ = withheld_instance_ = -1;
  status_ = fallback_status_ = 0;
  parked_for_ = connect_for_ = first_byte_for_ = {};
  body_in_.start(Framing::None, 0, {});
  resume_.reset();
  runs_.clear();
  for (std::string* s : {&request_id_, &reasons_, &out_head_, &held_, &trailers_, &fallback_}) s->clear();
  if (held_.capacity() > 65536) held_ = std::string();
}

}  // namespace holdfast::http
