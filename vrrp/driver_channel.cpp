#include "vrrp/driver_channel.h"

#include <algorithm>
#include <utility>

#include "proxy/base/crypto.h"
#include "proxy/base/secret.h"

namespace holdfast::vrrp {

namespace {

constexpr const char* identity = "holdfast peer";
constexpr std::int64_t stranger_story_every_us = 60'000'000;

bool same_ip(const Address& a, const Address& b) { return a.family == b.family && a.bytes == b.bytes; }

}  // namespace

/// One connection, of either direction.
class Channel::End final : private io::StreamEvents, private io::TimerEvents {
 public:
  End(Channel& channel, bool outgoing) : channel_(channel), outgoing_(outgoing) {
    patience_ = channel.loop_.timer(*this);
    patience_->arm(channel.loop_.now() + handshake_patience);
  }

  void connect(const Address& to) {
    io::StreamPtr plain = channel_.loop_.connect(to, *this);
    secure(std::move(plain), *channel_.client_);
  }
  void accept(io::StreamPtr plain) { secure(std::move(plain), *channel_.server_); }

  bool outgoing() const { return outgoing_; }
  bool up() const { return up_; }
  void write(Bytes bytes) {
    if (up_ && stream_->write(bytes) > queue_max) stop(ChannelEnd::Closed, "it does not read");
  }
  /// Without a word to the channel.
  void drop() {
    stream_.reset();
    patience_.reset();
  }

 private:
  void secure(io::StreamPtr plain, const io::TlsContext& context) {
    stream_ = io::make_tls_stream(channel_.loop_, std::move(plain), context.session(), *this);
  }

  void on_connected() override {
    up_ = true;
    patience_->disarm();
    stream_->start_reading();
    if (outgoing_)
      channel_.events_.on_out_up();
    else
      channel_.in_up(*this);
  }
  void on_data(Bytes data) override {
    if (!outgoing_) channel_.events_.on_in_data(data);  // nothing is said to a dialler on its own connection
  }
  void on_end() override { stop(ChannelEnd::Closed, "closed"); }
  void on_fault(io::Fault fault, std::string_view detail) override {
    if (fault == io::Fault::Refused) return stop(ChannelEnd::Refused, detail);
    if (fault == io::Fault::Reset) return stop(ChannelEnd::Closed, detail);
    if (fault == io::Fault::Tls) return stop(up_ ? ChannelEnd::Garbage : ChannelEnd::Rejected, detail);
    stop(up_ ? ChannelEnd::Closed : ChannelEnd::Unreachable, detail);
  }
  void on_timer() override { stop(ChannelEnd::Unreachable, "no handshake in time"); }

  void stop(ChannelEnd how, std::string_view why) {
    const std::string words(why);  // `why` may live in what drop() frees
    drop();
    channel_.ended(*this, how, words);
  }

  Channel& channel_;
  const bool outgoing_;
  bool up_ = false;
  io::StreamPtr stream_;
  io::TimerPtr patience_;
};

Channel::Channel(io::Loop& loop, ChannelEvents& events) : loop_(loop), events_(events) {}
Channel::~Channel() = default;

Status Channel::open(std::vector<Path> paths, std::string_view secret) {
  std::string key = derive_key(secret, "holdfast peer channel");
  auto server = io::TlsContext::psk_server(identity, key);
  auto client = io::TlsContext::psk_client(identity, key);
  wipe(key);
  if (!server) return std::unexpected(server.error());
  if (!client) return std::unexpected(client.error());
  io::ListenOptions options;
  options.address = paths.front().own;
  options.backlog = 16;
  options.reuse_port = false;  // two of us on one port would make each the proof of the other's life
  auto listener = loop_.listen(options, *this);
  if (!listener) return fail(Blame::Operator, "[cluster]: the peer channel: " + listener.error().text);
  listener_ = std::move(*listener);
  server_ = std::move(*server);
  client_ = std::move(*client);
  paths_ = std::move(paths);
  return {};
}

void Channel::reap() { gone_.clear(); }

void Channel::dial() {
  close_out();
  out_ = std::make_unique<End>(*this, true);
  out_->connect(paths_[next_path_].peer);
}

void Channel::write(Bytes bytes) {
  if (out_) out_->write(bytes);
}

void Channel::close_out() {
  if (!out_) return;
  out_->drop();
  gone_.push_back(std::move(out_));  // this may run inside its callback
}

void Channel::close_in() {
  if (!in_) return;
  in_->drop();
  gone_.push_back(std::move(in_));
}

void Channel::on_accept(io::StreamPtr stream) {
  const Address from = stream->peer();
  const bool known =
      std::any_of(paths_.begin(), paths_.end(), [&](const Path& p) { return same_ip(p.peer, from); });
  if (!known) {
    if (loop_.wall().us - last_stranger_.us < stranger_story_every_us) return;
    last_stranger_ = loop_.wall();
    return events_.on_channel_story(from.ip() + " tried the peer channel and is not the other node");
  }
  if (shaking_hands_.size() >= handshakes_max) return;
  shaking_hands_.push_back(std::make_unique<End>(*this, false));
  shaking_hands_.back()->accept(std::move(stream));
}

/// Its handshake is done, so it is the other node: it replaces what that node dialled before.
void Channel::in_up(End& end) {
  auto it = std::find_if(shaking_hands_.begin(), shaking_hands_.end(),
                         [&](const auto& e) { return e.get() == &end; });
  close_in();
  in_ = std::move(*it);
  shaking_hands_.erase(it);
  events_.on_in_up();
}

void Channel::ended(End& end, ChannelEnd how, std::string_view why) {
  if (&end == out_.get()) {
    gone_.push_back(std::move(out_));
    if (how == ChannelEnd::Unreachable) next_path_ = (next_path_ + 1) % paths_.size();
    return events_.on_out_end(how);
  }
  if (&end == in_.get()) {
    gone_.push_back(std::move(in_));
    return events_.on_in_end(how);
  }
  auto it = std::find_if(shaking_hands_.begin(), shaking_hands_.end(),
                         [&](const auto& e) { return e.get() == &end; });
  if (it == shaking_hands_.end()) return;
  gone_.push_back(std::move(*it));
  shaking_hands_.erase(it);
  if (how == ChannelEnd::Rejected)
    events_.on_channel_story("the other node was refused on the peer channel: " + std::string(why) +
                             "; is the secret the same on both?");
}

}  // namespace holdfast::vrrp
