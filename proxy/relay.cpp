#include "proxy/relay.h"

namespace holdfast {

Relay::Relay(io::Loop& loop, io::StreamPtr client, io::StreamPtr server, RelayOptions options,
             RelayEvents& events)
    : loop_(loop),
      events_(events),
      idle_(options.idle),
      client_(*this, std::move(client)),
      server_(*this, std::move(server)) {
  client_.stream->set_events(client_);
  server_.stream->set_events(server_);
  if (idle_ > Duration{}) timer_ = loop_.timer(*this);
  client_.stream->forward_to(*server_.stream);
  server_.stream->forward_to(*client_.stream);
  client_.stream->start_reading();
  server_.stream->start_reading();
  touch();
  if (!options.to_server.empty()) move(client_, options.to_server);
  if (!options.to_client.empty()) move(server_, options.to_client);
}

void Relay::move(Side& from, Bytes data) {
  from.bytes += data.size();
  std::size_t queued = other(from).stream->write(data);
  if (queued > high_water && !from.paused) {
    from.paused = true;
    from.stream->stop_reading();
  }
  touch();
}

void Relay::side_drained(Side& side) {
  Side& source = other(side);
  touch();
  if (source.paused) {
    source.paused = false;
    source.stream->start_reading();
  }
  finish_if_done();
}

// A half-close passes through: the other direction may have a whole answer yet to bring.
void Relay::side_ended(Side& from) {
  if (from.ended) return;
  from.ended = true;
  other(from).stream->finish();
  touch();
  finish_if_done();
}

void Relay::finish_if_done() {
  if (!client_.ended || !server_.ended) return;
  if (client_.stream->queued() > 0 || server_.stream->queued() > 0) return;
  end({});
}

// Bytes may be lost either way, so the other side must not see a clean end.
void Relay::side_failed(Side& side, io::Fault fault, std::string_view detail) {
  other(side).stream->reset_on_close();
  bool client = &side == &client_;
  end({client ? RelayEnd::Reason::ClientFault : RelayEnd::Reason::ServerFault, fault, detail});
}

void Relay::on_timer() {
  client_.stream->reset_on_close();
  server_.stream->reset_on_close();
  end({RelayEnd::Reason::Idle, io::Fault::TimedOut, "idle"});
}

void Relay::end(const RelayEnd& end) {
  client_.stream.reset();
  server_.stream.reset();
  timer_.reset();
  events_.on_relay_end(end);
}

void Relay::cut() {
  if (!client_.stream) return;
  client_.stream->reset_on_close();
  server_.stream->reset_on_close();
  client_.stream.reset();
  server_.stream.reset();
  timer_.reset();
}

void Relay::touch() {
  if (timer_) timer_->arm(loop_.now() + idle_);
}

}  // namespace holdfast
