#include "proxy/proxy_stream.h"

#include <optional>
#include <string>

#include "proxy/proxy_protocol.h"

namespace holdfast::io {
namespace {

class ProxyStream final : public Stream, private StreamEvents, private TimerEvents {
 public:
  ProxyStream(Loop& loop, StreamPtr raw, StreamEvents& events)
      : loop_(loop),
        inner_(std::move(raw)),
        events_(&events),
        peer_(inner_->peer()),
        local_(inner_->local()) {
    inner_->set_events(*this);
    inner_->start_reading();
  }

  void set_events(StreamEvents& events) override { events_ = &events; }
  void start_reading() override;
  void stop_reading() override;
  using Stream::write;
  std::size_t write(std::span<const Bytes> pieces) override { return inner_->write(pieces); }
  std::size_t queued() const override { return inner_->queued(); }
  void finish() override { inner_->finish(); }
  void reset_on_close() override { inner_->reset_on_close(); }
  Address peer() const override { return peer_; }
  Address local() const override { return local_; }

 private:
  /// Around calls of the owner, who may dispose of the stream in them.
  struct Busy {
    explicit Busy(ProxyStream& stream) : stream_(stream) { ++stream.busy_; }
    ~Busy() {
      if (--stream_.busy_ == 0 && !stream_.inner_) delete &stream_;
    }
    ProxyStream& stream_;
  };

  void on_data(Bytes data) override;
  void on_end() override;
  void on_drained() override { events_->on_drained(); }
  void on_fault(Fault fault, std::string_view detail) override;
  void on_timer() override;
  void dispose() override;

  void read_header(Bytes data);
  void deliver_held();
  void refuse(std::string_view why);

  Loop& loop_;
  StreamPtr inner_;  ///< null once disposed of
  StreamEvents* events_;
  Address peer_, local_;
  TimerPtr later_;    ///< made when first needed
  std::string held_;  ///< the header so far; then what came with its end and is not yet delivered
  int busy_ = 0;
  bool reading_ = false;
  bool open_ = false;
  bool dead_ = false;
};

void ProxyStream::start_reading() {
  reading_ = true;
  if (!open_ || dead_) return;
  if (held_.empty()) return inner_->start_reading();
  if (!later_) later_ = loop_.timer(*this);
  later_->arm(loop_.now());
}

void ProxyStream::stop_reading() {
  reading_ = false;
  if (open_ && !dead_) inner_->stop_reading();
}

void ProxyStream::on_data(Bytes data) {
  Busy busy(*this);
  if (dead_ || !inner_) return;
  if (!open_) return read_header(data);
  if (held_.empty()) return events_->on_data(data);
  held_.append(data);
  inner_->stop_reading();
}

void ProxyStream::read_header(Bytes data) {
  held_.append(data);
  auto header = read_proxy_header(held_);
  if (!header) return refuse(header.error().text);
  if (!*header) return;
  held_.erase(0, (*header)->length);
  if (!(*header)->local) {
    peer_ = (*header)->source;
    local_ = (*header)->destination;
  }
  events_->on_connected();
  open_ = true;
  if (!inner_ || dead_) return;
  if (reading_)
    deliver_held();
  else
    inner_->stop_reading();
}

void ProxyStream::deliver_held() {
  if (!inner_ || dead_ || !reading_) return;
  if (!held_.empty()) {
    std::string held;
    held.swap(held_);
    events_->on_data(held);
  }
  if (inner_ && !dead_ && reading_) inner_->start_reading();
}

void ProxyStream::on_timer() {
  Busy busy(*this);
  deliver_held();
}

void ProxyStream::on_end() {
  Busy busy(*this);
  if (dead_ || !inner_) return;
  if (!open_) return refuse("PROXY header: the peer left before its end");
  events_->on_end();
}

void ProxyStream::on_fault(Fault fault, std::string_view detail) {
  Busy busy(*this);
  if (dead_ || !inner_) return;
  dead_ = true;
  events_->on_fault(fault, detail);
}

void ProxyStream::refuse(std::string_view why) {
  dead_ = true;
  inner_->stop_reading();
  events_->on_fault(Fault::Protocol, why);
}

void ProxyStream::dispose() {
  later_.reset();
  inner_.reset();
  if (busy_ == 0) delete this;
}

}  // namespace

StreamPtr make_proxy_stream(Loop& loop, StreamPtr raw, StreamEvents& events) {
  return StreamPtr(new ProxyStream(loop, std::move(raw), events));
}

}  // namespace holdfast::io
