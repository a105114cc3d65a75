// The response's side of an exchange: withholding, shielding, forwarding and resuming. Body bytes are
// borrowed from the loop's read buffer and leave in one gathered write at the end of each read; they are
// copied only while a response is held back. See driver_exchange.h.
#include <array>
#include <charconv>
#include <utility>

#include "proxy/balancer.h"
#include "proxy/base/check.h"
#include "proxy/http/driver_exchange.h"
#include "proxy/http/serialise.h"

namespace holdfast::http {

namespace {

/// Above this many bytes queued towards the client the instance is not read any further.
constexpr std::size_t client_queue_max = 256 * 1024;
/// A withheld 502, 503 or 504 is kept whole up to this, to be given if nothing better comes.
constexpr std::uint64_t withheld_max = 64 * 1024;
/// More runs than this in one read (tiny chunks) are copied together rather than gathered.
constexpr std::size_t runs_max = 48;
/// An instance that says more 1xx than this will never come to its answer.
constexpr unsigned interim_max = 100;

}  // namespace

bool ExchangeDriver::withhold(const ResponseHead& head) const {
  if (head.status < 502 || head.status > 504 || !exchange_.may_repeat(true, store_base_ == 0)) return false;
  // The same instance says it again and is not given up: that is its answer.
  return withheld_instance_ != last_instance_ || lost(last_instance_);
}

void ExchangeDriver::on_response_head(const ResponseHead& head) {
  if (head.status < 200 && head.status != 101) return forward_interim(head);
  first_byte_for_ = loop_.loop.now() - head_at_;
  if (exchange_.forwarded()) return resume_response(head);
  going_away_ = withhold(head);
  open_response(head);
}

void ExchangeDriver::forward_interim(const ResponseHead& head) {
  if (++interim_ > interim_max) return fail_attempt(Failure::BadResponse, "too many 1xx");
  if (head_.version_minor == 0 || exchange_.forwarded()) return;
  // A repeated request is told to go on once more; the client has been told already.
  if (head.status == 100 && (!head_.expect_continue || std::exchange(continue_sent_, true))) return;
  if (head.status == 100) exchange_.on_continue(loop_.loop.now());
  loop_.head.clear();
  ResponseContext context;
  context.client_minor = head_.version_minor;
  write_response_head(head, context, loop_.head);
  client_->write_client(std::array{Bytes(loop_.head)});
}

/// Pins the client to the instance that answers, if it is not pinned there already.
std::string ExchangeDriver::new_cookie() const {
  const conf::Service& service = hub_->service.config();
  if (service.mode != conf::Mode::Balance || service.cookie.empty()) return {};
  if (sticky_instance(service, head_.value(Known::Cookie)) == last_instance_) return {};
  return service.cookie + "=" + cookie_value(service, static_cast<std::size_t>(last_instance_)) +
         "; Path=/; HttpOnly; SameSite=Lax";
}

void ExchangeDriver::open_response(const ResponseHead& head) {
  const bool length_unknown = head.framing == Framing::Chunked || head.framing == Framing::UntilClose;
  // Chunks where the client knows them, so that a cut is visible and the connection can be kept.
  chunked_out_ = length_unknown && head_.version_minor >= 1;
  until_close_out_ = length_unknown && head_.version_minor == 0;
  // What is left of the request would have to be read before the next one: close instead.
  if (!request_done_ || until_close_out_ || loop_.draining) keep_alive_ = false;

  ResponseContext context;
  context.client_minor = head_.version_minor;
  context.framing = chunked_out_ ? Framing::Chunked : until_close_out_ ? Framing::UntilClose : head.framing;
  context.content_length = head.content_length;
  context.keep_alive = keep_alive_;
  context.keep_upgrade = head.status == 101;
  context.keep_trailers = route_->trailers;
  context.ops = route_->response_headers;
  context.client = facts_->peer_ip;
  context.request_id = request_id_;
  context.host = head_.host;
  context.proto = facts_->tls_version.empty() ? "http" : "https";
  if (!head.has(Known::Date)) context.date = loop_.date();
  const std::string cookie = new_cookie();
  context.set_cookie = cookie;
  out_head_.clear();
  write_response_head(head, context, out_head_);

  status_ = head.status;
  response_open_ = true;
  tunnel_ = head.status == 101;
  const bool live = head.value(Known::ContentType).starts_with("text/event-stream");
  const bool fits = length_unknown || head.content_length <= route_->shield;
  const bool hold = going_away_ || (route_->shield > 0 && !live && fits && !tunnel_);
  exchange_.on_response_head(loop_.loop.now(), hold, !length_unknown);
  resume_.open(head,
               route_->resume && exchange_.may_repeat(true, store_base_ == 0) && head_.method == Method::Get);
}

void ExchangeDriver::resume_response(const ResponseHead& head) {
  if (head.status >= 500) return fail_attempt(Failure::GoingAway, "cannot resume yet");
  if (!resume_.accept(head)) {
    hub_->counters.resume_failed.add();
    return finish(false, true, "truncated:differs");
  }
  (resume_.by_range() ? hub_->counters.resumed_range : hub_->counters.resumed_prefix).add();
  exchange_.on_response_head(loop_.loop.now(), false, true);
}

void ExchangeDriver::on_response_body(Bytes data) {
  if (!resume_.caught_up()) {
    if (!resume_.skip(data)) {
      hub_->counters.resume_failed.add();
      return finish(false, true, "truncated:differs");
    }
    if (data.empty()) return;
  }
  if (runs_.size() == runs_max) stash();
  runs_.push_back(data);
  runs_size_ += data.size();
}

void ExchangeDriver::on_response_end(Bytes trailers) {
  ended_ = true;
  if (route_->trailers && chunked_out_) trailers_.assign(trailers);
}

void ExchangeDriver::on_server_chunk_end() {
  if (!client_ || !response_open_) return;
  if (tunnel_) {
    client_->write_client(std::array{Bytes(out_head_)});
    std::string rest;
    io::StreamPtr stream = server_->release(rest);
    const Duration idle = hub_->service.config().timeouts.tunnel;
    drop_server();
    log("upgraded");
    ExchangeClient* client = client_;
    reset();
    return client->become_tunnel(std::move(stream), std::move(rest), idle);
  }
  exchange_.on_response_bytes(loop_.loop.now());
  if (ended_ && going_away_) {
    keep_fallback();
    return fail_attempt(Failure::GoingAway, "withheld");
  }
  if (ended_) return end_response();
  if (exchange_.state() == Exchange::State::Holding) {
    const std::uint64_t most = going_away_ ? withheld_max : route_->shield;
    if (held_.size() + runs_size_ <= most) {
      stash();
      return client_->rearm();
    }
    going_away_ = false;
  }
  flush(false);
  client_->rearm();
}

/// Copies this turn's borrowed bytes behind those already held.
void ExchangeDriver::stash() {
  for (Bytes run : runs_) held_.append(run);
  runs_.clear();
  runs_size_ = 0;
}

void ExchangeDriver::keep_fallback() {
  stash();
  withheld_instance_ = last_instance_;
  fallback_status_ = status_;
  fallback_ = out_head_;
  if (chunked_out_ && !held_.empty()) {
    char room[16];
    fallback_.append(room, std::to_chars(room, room + sizeof room, held_.size(), 16).ptr).append("\r\n");
  }
  fallback_ += held_;
  if (chunked_out_) fallback_ += held_.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
}

/// Everything that may leave now, in one write: head, what was held, this turn's bytes, the end.
void ExchangeDriver::flush(bool ended) {
  static thread_local std::vector<Bytes> pieces;
  pieces.clear();
  const std::uint64_t size = held_.size() + runs_size_;
  char room[20];
  if (!out_head_.empty()) pieces.emplace_back(out_head_);
  if (chunked_out_ && size > 0) {
    char* end = std::to_chars(room, room + 16, size, 16).ptr;
    *end++ = '\r', *end++ = '\n';
    pieces.emplace_back(room, static_cast<std::size_t>(end - room));
  }
  if (!held_.empty()) pieces.emplace_back(held_);
  pieces.insert(pieces.end(), runs_.begin(), runs_.end());
  if (chunked_out_ && size > 0) pieces.emplace_back("\r\n");
  if (chunked_out_ && ended) {
    loop_.frames = "0\r\n";
    if (!trailers_.empty()) write_trailers(trailers_, loop_.frames);
    loop_.frames += "\r\n";
    pieces.emplace_back(loop_.frames);
  }
  if (!ended) {  // a response that leaves whole never needs its hash
    resume_.forwarded(held_);
    for (Bytes run : runs_) resume_.forwarded(run);
  }
  const std::size_t queued = pieces.empty() ? 0 : client_->write_client(pieces);
  if (!exchange_.forwarded()) exchange_.on_response_forwarded();
  body_out_ += size;
  out_head_.clear();
  held_.clear();
  runs_.clear();
  runs_size_ = 0;
  if (!ended && queued > client_queue_max && server_ && !std::exchange(server_paused_, true)) {
    server_->pause();
    exchange_.on_client_blocked();
  }
}

void ExchangeDriver::on_client_drained() {
  if (!std::exchange(server_paused_, false) || !server_) return;
  server_->resume();
  exchange_.on_response_bytes(loop_.loop.now());
  client_->rearm();
}

void ExchangeDriver::end_response() {
  if (!resume_.caught_up()) {  // the repetition was shorter than what the client has
    hub_->counters.resume_failed.add();
    return finish(false, true, "truncated:differs");
  }
  flush(true);
  hub_->pool.succeeded(server_->instance());
  hub_->pool.finished(server_->instance());
  const bool whole = request_done_ && (head_.framing != Framing::Chunked || last_chunk_sent_) &&
                     sent_offset_ == store_base_ + store_.size() && server_->queued() == 0;
  if (!whole) server_->abandon();  // it is then not reusable
  hub_->pool.give_back(std::move(server_));
  finish(keep_alive_ && request_done_ && !until_close_out_, false, "ok");
}

}  // namespace holdfast::http
