// The TLS decorator of a stream: ciphertext inside, plaintext to its owner. All its state between
// calls is the session and, rarely, what was held; the big buffers belong to the thread.
#include <algorithm>
#include <string>
#include <vector>

#include "proxy/io/tls.h"

namespace holdfast::io {
namespace {

constexpr std::size_t record_max = 16 * 1024;       // RFC 8446 section 5.1
constexpr std::size_t plain_max = 64 * 1024;        // per on_data: several records at once
constexpr std::size_t unread_answers_max = 256 * 1024;
constexpr std::size_t buffer_keep_max = 256 * 1024;

// Callbacks never nest within one loop's thread, so that one set of buffers is enough for all streams.
struct Buffers {
  std::vector<char> plain = std::vector<char>(plain_max);
  std::string cipher;  ///< what a call produced for the peer
  std::string record;  ///< small pieces on their way into one record
};
Buffers& buffers() {
  thread_local Buffers own;
  return own;
}

class TlsStream final : public Stream, private StreamEvents, private TimerEvents {
 public:
  TlsStream(Loop& loop, StreamPtr inner, std::unique_ptr<TlsSession> session, StreamEvents& events)
      : loop_(loop), inner_(std::move(inner)), session_(std::move(session)), events_(&events) {
    inner_->set_events(*this);
    inner_->start_reading();
  }
  TlsStream(Loop& loop, StreamPtr inner, std::unique_ptr<TlsSession> session, StreamEvents& events,
            std::string taken, bool open)
      : loop_(loop),
        inner_(std::move(inner)),
        session_(std::move(session)),
        events_(&events),
        held_(std::move(taken)),
        open_(open) {
    inner_->set_events(*this);
    inner_->stop_reading();
    if (!open_) later();
  }

  void set_events(StreamEvents& events) override { events_ = &events; }
  void start_reading() override;
  void stop_reading() override;
  using Stream::write;
  std::size_t write(std::span<const Bytes> pieces) override;
  std::size_t queued() const override { return early_.size() + inner_->queued(); }
  void finish() override;
  void reset_on_close() override { inner_->reset_on_close(); }
  Address peer() const override { return inner_->peer(); }
  Address local() const override { return inner_->local(); }
  const TlsInfo* tls() const override { return &session_->info(); }

 private:
  /// Around everything that calls the owner, who may dispose of the stream there.
  struct Busy {
    explicit Busy(TlsStream& stream) : stream_(stream) { ++stream.busy_; }
    ~Busy() {
      if (--stream_.busy_ == 0 && !stream_.inner_) delete &stream_;
    }
    TlsStream& stream_;
  };

  void on_connected() override;
  void on_data(Bytes cipher) override;
  void on_end() override;
  void on_drained() override;
  void on_fault(Fault fault, std::string_view detail) override;
  void on_timer() override;
  void dispose() override;

  void decrypt(Bytes cipher);
  void hold(Bytes cipher);
  void open();
  void seal(std::span<const Bytes> pieces);
  void encrypt(Bytes plain, std::string& out);
  void later();
  void die(Fault fault, std::string_view detail);
  bool gone() const { return !inner_ || dead_; }

  Loop& loop_;
  StreamPtr inner_;  ///< null once disposed of
  std::unique_ptr<TlsSession> session_;
  StreamEvents* events_;
  TimerPtr later_;     ///< made when first needed
  std::string held_;   ///< ciphertext that came with what the owner stopped at
  std::string early_;  ///< plaintext written before the handshake was done
  std::string broken_; ///< why encrypting failed; reported on a later turn
  int busy_ = 0;
  bool reading_ = false;       ///< the owner wants data
  bool open_ = false;          ///< the handshake is done
  bool finished_ = false;      ///< the owner ended its half
  bool full_ = false;          ///< the session may hold plaintext that did not fit
  bool ended_ = false;         ///< close_notify was seen
  bool inner_ended_ = false;   ///< the peer's half is over underneath, not yet told
  bool dead_ = false;
};

void TlsStream::start_reading() {
  if (reading_) return;
  reading_ = true;
  if (!open_ || dead_ || ended_) return;
  if (held_.empty() && !full_ && !inner_ended_)
    inner_->start_reading();
  else
    later();
}

void TlsStream::stop_reading() {
  if (!reading_) return;
  reading_ = false;
  if (open_ && !dead_) inner_->stop_reading();
}

std::size_t TlsStream::write(std::span<const Bytes> pieces) {
  if (dead_ || finished_ || !broken_.empty()) return queued();
  if (open_)
    seal(pieces);
  else
    for (Bytes piece : pieces) early_.append(piece);
  return queued();
}

void TlsStream::finish() {
  if (finished_) return;
  finished_ = true;
  if (!open_ || dead_) return;
  std::string& out = buffers().cipher;
  out.clear();
  session_->close(out);
  if (!out.empty()) inner_->write(out);
  inner_->finish();
}

// A head and its body leave in one record and one write; long runs are encrypted where they are.
void TlsStream::seal(std::span<const Bytes> pieces) {
  auto& [plain, out, record] = buffers();
  out.clear();
  record.clear();
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    Bytes piece = pieces[i];
    if (!record.empty()) {
      std::size_t fits = std::min(piece.size(), record_max - record.size());
      record.append(piece.substr(0, fits));
      piece.remove_prefix(fits);
      if (record.size() < record_max) continue;
      encrypt(record, out);
      record.clear();
    }
    bool last = i + 1 == pieces.size();
    std::size_t direct = last ? piece.size() : piece.size() - piece.size() % record_max;
    encrypt(piece.substr(0, direct), out);
    record.append(piece.substr(direct));
  }
  encrypt(record, out);
  if (!out.empty()) inner_->write(out);
  if (out.capacity() > buffer_keep_max) std::string().swap(out);
}

void TlsStream::encrypt(Bytes plain, std::string& out) {
  if (plain.empty() || !broken_.empty()) return;
  auto done = session_->encrypt(plain, out);
  if (done) return;
  broken_ = done.error().text;
  later();
}

void TlsStream::on_connected() {
  Busy busy(*this);
  if (!gone() && !open_) decrypt({});
}

void TlsStream::on_data(Bytes cipher) {
  Busy busy(*this);
  if (gone() || ended_) return;
  if (open_ && (!reading_ || !held_.empty() || full_)) return hold(cipher);
  decrypt(cipher);
}

void TlsStream::decrypt(Bytes cipher) {
  for (;;) {
    auto& [plain, out, record] = buffers();
    out.clear();
    auto step = session_->feed(cipher, plain.data(), plain.size(), out);
    std::size_t waiting = out.empty() ? 0 : inner_->write(out);
    if (!step) return die(Fault::Tls, step.error().text);
    if (open_ && waiting > unread_answers_max && step->plain == 0)
      return die(Fault::Protocol, "TLS peer asks for answers that it does not read");
    cipher.remove_prefix(step->taken);
    full_ = step->plain == plain.size();
    if (step->handshake_done) open();
    if (step->plain > 0) events_->on_data(Bytes(plain.data(), step->plain));
    if (gone()) return;
    if (step->closed) {
      ended_ = true;
      return events_->on_end();
    }
    bool more = full_ || !cipher.empty();
    if (!more || (step->taken == 0 && step->plain == 0 && !step->handshake_done)) return;
    if (open_ && !reading_) return hold(cipher);
  }
}

void TlsStream::hold(Bytes cipher) {
  held_.append(cipher);
  inner_->stop_reading();
}

void TlsStream::open() {
  open_ = true;
  if (!reading_) inner_->stop_reading();
  bool wrote = !early_.empty();
  if (wrote) {
    std::string first;
    first.swap(early_);
    Bytes piece = first;
    seal(std::span<const Bytes>(&piece, 1));
  }
  if (finished_) {
    finished_ = false;
    finish();
  }
  events_->on_connected();
  if (wrote && !gone() && inner_->queued() == 0) events_->on_drained();
}

void TlsStream::on_end() {
  Busy busy(*this);
  if (gone() || ended_) return;
  if (!open_) return die(Fault::Tls, "the peer left during the TLS handshake");
  inner_ended_ = true;
  if (held_.empty() && !full_) die(Fault::Reset, "TLS truncated: the peer ended without close_notify");
}

void TlsStream::on_drained() {
  Busy busy(*this);
  if (!gone() && open_) events_->on_drained();
}

void TlsStream::on_fault(Fault fault, std::string_view detail) {
  Busy busy(*this);
  if (gone()) return;
  dead_ = true;
  events_->on_fault(fault, detail);
}

void TlsStream::on_timer() {
  Busy busy(*this);
  if (gone()) return;
  if (!broken_.empty()) return die(Fault::Tls, std::string(broken_));
  if (!reading_ && open_) return;
  std::string held;
  held.swap(held_);
  if (!held.empty() || full_ || !open_) decrypt(held);
  if (gone() || ended_ || !held_.empty() || full_) return;
  if (inner_ended_)
    die(Fault::Reset, "TLS truncated: the peer ended without close_notify");
  else if (reading_ || !open_)
    inner_->start_reading();
}

void TlsStream::later() {
  if (!later_) later_ = loop_.timer(*this);
  later_->arm(loop_.now());
}

// What the session left for the peer is its alert: it goes before the end, as far as it can.
void TlsStream::die(Fault fault, std::string_view detail) {
  dead_ = true;
  inner_->stop_reading();
  inner_->finish();
  events_->on_fault(fault, detail);
}

void TlsStream::dispose() {
  later_.reset();
  inner_.reset();
  if (busy_ == 0) delete this;
}

}  // namespace

StreamPtr make_tls_stream(Loop& loop, StreamPtr plain, std::unique_ptr<TlsSession> session,
                          StreamEvents& events) {
  return StreamPtr(new TlsStream(loop, std::move(plain), std::move(session), events));
}

StreamPtr resume_tls_stream(Loop& loop, StreamPtr plain, std::unique_ptr<TlsSession> session,
                            StreamEvents& events, std::string taken, bool open) {
  return StreamPtr(new TlsStream(loop, std::move(plain), std::move(session), events, std::move(taken), open));
}

}  // namespace holdfast::io
