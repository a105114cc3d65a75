#include "tds/driver_entry.h"

#include <utility>

#include "tds/driver.h"

namespace holdfast::tds {
namespace {

ServerLogin::Options options_for(conf::TdsEncrypt setting) {
  ServerLogin::Options options;
  options.strict = setting == conf::TdsEncrypt::Strict;
  options.encryption = setting == conf::TdsEncrypt::None    ? Encryption::NotSupported
                       : setting == conf::TdsEncrypt::Login ? Encryption::Off
                                                            : Encryption::On;
  return options;
}

}  // namespace

void ServerEntry::begin(io::StreamPtr stream, const Login7& login, std::uint64_t client_features) {
  ServerLogin::Options options = options_for(encrypt_);
  options.version = login.client_version;
  login_.emplace(options, login, client_features);
  open(std::move(stream));
}

void ServerEntry::begin(io::StreamPtr stream) {
  login_.emplace(options_for(encrypt_));
  open(std::move(stream));
}

void ServerEntry::open(io::StreamPtr stream) {
  stream_ = std::move(stream);
  stream_->set_events(*this);
  if (encrypt_ != conf::TdsEncrypt::Strict || !tls_) return greet();
  stream_ = io::resume_tls_stream(loop_, std::move(stream_), tls_->session(), *this, {}, false);
  stream_->start_reading();
}

/// The plain connection stands, or that of TDS 8.0.
void ServerEntry::greet() {
  channel_.emplace(*stream_);
  stream_->start_reading();
  apply(login_->start());
}

void ServerEntry::on_data(Bytes raw) {
  Channel::Piece piece;
  while (true) {
    auto more = channel_->next(raw, piece);
    if (!more) return fail(Evidence::Tls, "tls: " + more.error().text);
    if (!*more) return;
    if (piece.closed) return fail(Evidence::Reset, "reset");
    bool ready = false;
    if (piece.handshake_done) {
      auto step = login_->tls_ready();
      ready = step && step->ready;
      if (!apply(std::move(step))) return;
    }
    Bytes plain = piece.plain;
    while (!plain.empty()) {
      auto step = login_->feed(plain);
      ready = step && step->ready;
      const bool done = step && step->done;
      if (!apply(std::move(step))) return;
      if (done) return events_->on_answer(raw);
    }
    if (ready)
      return raw.empty() ? events_->on_ready() : fail(Evidence::BadResponse, "it speaks out of turn");
  }
}

void ServerEntry::on_fault(io::Fault fault, std::string_view detail) {
  Evidence evidence = Evidence::Reset;
  const bool known = evidence_of(fault, evidence);
  if (evidence == Evidence::ConnectTimeout) evidence = Evidence::Reset;
  fail(known ? std::optional(evidence) : std::nullopt,
       fault == io::Fault::Tls ? "tls: " + std::string(detail) : io::name_of(fault));
}

/// False: it is over.
bool ServerEntry::apply(Result<LoginStep> step) {
  if (!step) {
    fail(Evidence::BadResponse, step.error().text);
    return false;
  }
  Status done = channel_->send(step->send);
  if (done && step->start_tls)
    done = tls_ ? channel_->start_tls(tls_->session(), true)
                : holdfast::fail(Blame::Operator, "the server insists on TLS, and sql.encrypt is \"none\"");
  if (step->end_tls) channel_->end_tls();
  if (!step->send_after.empty()) stream_->write(step->send_after);
  wipe(step->send);
  wipe(step->send_after);
  if (done) return true;
  fail(Evidence::Tls, "tls: " + done.error().text);
  return false;
}

void ServerEntry::say(const Login7& login, std::uint64_t client_features) {
  apply(login_->say(login, client_features));
}

void ServerEntry::sspi(Bytes client_token) { apply(login_->sspi(client_token)); }

io::StreamPtr ServerEntry::leave(io::StreamEvents& events, std::string& rest) {
  io::StreamPtr stream = std::move(stream_);
  if (!channel_->secure()) {
    stream->set_events(events);
    return stream;
  }
  stream = io::resume_tls_stream(loop_, std::move(stream), channel_->take_tls(), events,
                                 channel_->take_record() + rest, true);
  stream->start_reading();
  rest.clear();
  return stream;
}

}  // namespace holdfast::tds
