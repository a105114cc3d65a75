#include "tests/sim/http_world.h"

#include <algorithm>

namespace holdfast::sim {

namespace {

std::string field(const std::string& head, const std::string& name) {
  const std::size_t at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const std::size_t from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

}  // namespace

std::string blob(std::size_t size, std::uint32_t salt) {
  std::string out(size, 0);
  std::uint32_t x = salt;
  for (char& c : out) c = static_cast<char>('a' + (x = x * 1664525 + 1013904223) % 26u);
  return out;
}

// ---- Origin ----

class Origin::Connection final : public io::StreamEvents {
 public:
  Connection(Journal& journal, int host, io::StreamPtr stream)
      : journal_(journal), host_(host), stream_(std::move(stream)) {
    stream_->set_events(*this);
    stream_->start_reading();
  }
  bool dead() const { return dead_; }

  void on_data(Bytes data) override {
    in_.append(data);
    while (!dead_ && step()) {}
  }
  void on_end() override { dead_ = true; }
  void on_fault(io::Fault, std::string_view) override { dead_ = true; }

 private:
  bool step() {
    if (head_.empty()) {
      const std::size_t end = in_.find("\r\n\r\n");
      if (end == in_.npos) return false;
      head_ = in_.substr(0, end + 4);
      in_.erase(0, end + 4);
      const std::string length = field(head_, "Content-Length");
      const bool chunked = field(head_, "Transfer-Encoding") == "chunked";
      decoder_.start(chunked          ? http::Framing::Chunked
                     : length.empty() ? http::Framing::None
                                      : http::Framing::Length,
                     length.empty() ? 0 : std::stoull(length), {});
      body_.clear();
    }
    while (!decoder_.done()) {
      if (in_.empty()) return false;
      auto part = decoder_.step(in_);
      if (!part)
        return dead_ = true, false;  // the proxy sent what it must never send: the client will miss it
      body_.append(part->data);
      in_.erase(0, part->taken);
    }
    answer();
    head_.clear();
    return !in_.empty();
  }

  void answer() {
    const std::size_t space = head_.find(' ');
    const std::string method = head_.substr(0, space);
    const std::string path = head_.substr(space + 1, head_.find(' ', space + 1) - space - 1);
    if (method == "GET" && path.starts_with("/blob/")) return send(blob(std::stoull(path.substr(6))));
    if (method == "GET" && path.starts_with("/stream/")) return stream(blob(std::stoull(path.substr(8))));
    if (method == "GET" && path.starts_with("/own/"))
      return send(blob(std::stoull(path.substr(5)), static_cast<std::uint32_t>(host_)));
    ++journal_.executed[field(head_, "X-Call-Id")];
    send(method + " " + std::to_string(body_.size()));
  }
  void send(const std::string& body) {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
    const Bytes pieces[] = {head, body};
    stream_->write(pieces);
  }
  void stream(const std::string& body) {
    std::string out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 7000) {
      const std::string part = body.substr(at, 7000);
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", part.size());
      out += size + part + "\r\n";
    }
    stream_->write(out + "0\r\n\r\n");
  }

  Journal& journal_;
  int host_;
  io::StreamPtr stream_;
  std::string in_, head_, body_;
  http::BodyDecoder decoder_;
  bool dead_ = false;
};

Origin::Origin(SimWorld& world, int host, Journal& journal)
    : journal_(journal), loop_(world.make_loop(host)), host_(SimWorld::host_of(*loop_)) {
  io::ListenOptions options;
  options.address = SimWorld::address_of(host_, 80);
  listener_ = std::move(*loop_->listen(options, *this));
}

Origin::~Origin() = default;

void Origin::on_accept(io::StreamPtr stream) {
  std::erase_if(connections_, [](const auto& c) { return c->dead(); });
  connections_.push_back(std::make_unique<Connection>(journal_, host_, std::move(stream)));
}

// ---- Client ----

Client::Client(SimWorld& world, const Address& proxy, std::vector<Request> requests)
    : world_(world),
      proxy_(proxy),
      requests_(std::move(requests)),
      outcomes_(requests_.size()),
      loop_(world.make_loop()) {
  timer_ = loop_->timer(*this);
  timer_->arm(world_.now() + world_.random.between(1_ms, 500_ms));
}

Client::~Client() = default;

void Client::send_next() {
  if (next_ == requests_.size()) return stream_.reset();
  if (!stream_) {
    stream_ = loop_->connect(proxy_, *this);
    stream_->start_reading();
  }
  const Request& r = requests_[next_];
  std::string out = r.method + " " + r.path + " HTTP/1.1\r\nHost: sim\r\nX-Call-Id: " + r.id + "\r\n";
  char size[16];
  std::snprintf(size, sizeof size, "%zx", r.body.size());
  if (r.chunked && !r.body.empty())
    out += std::string("Transfer-Encoding: chunked\r\n\r\n") + size + "\r\n" + r.body + "\r\n0\r\n\r\n";
  else if (r.method != "GET")
    out += "Content-Length: " + std::to_string(r.body.size()) + "\r\n\r\n" + r.body;
  else
    out += "\r\n";
  waiting_ = true;
  in_body_ = false;
  stream_->write(out);
}

bool Client::take_head() {
  const std::size_t end = in_.find("\r\n\r\n");
  if (end == in_.npos) return false;
  const std::string head = in_.substr(0, end + 4);
  in_.erase(0, end + 4);
  Outcome& o = outcomes_[next_];
  ++o.answers;
  o.status = static_cast<unsigned>(std::stoul(head.substr(9, 3)));
  close_ = field(head, "Connection") == "close";
  const std::string length = field(head, "Content-Length");
  const bool chunked = field(head, "Transfer-Encoding") == "chunked";
  body_.start(chunked          ? http::Framing::Chunked
              : length.empty() ? http::Framing::UntilClose
                               : http::Framing::Length,
              length.empty() ? 0 : std::stoull(length), {});
  in_body_ = true;
  return true;
}

void Client::on_data(Bytes data) {
  in_.append(data);
  while (waiting_ && (in_body_ || take_head())) {
    Outcome& o = outcomes_[next_];
    while (!body_.done() && !in_.empty()) {
      auto part = body_.step(in_);
      if (!part) return ended();
      o.body.append(part->data);
      in_.erase(0, part->taken);
    }
    if (!body_.done()) return;
    finish(!close_);
  }
}

void Client::ended() {
  if (waiting_) {
    outcomes_[next_].cut = in_body_;
    outcomes_[next_].status = in_body_ ? outcomes_[next_].status : 0;
    finish(false);
  }
  stream_.reset();
}

void Client::finish(bool keep) {
  waiting_ = false;
  ++next_;
  if (!keep) stream_.reset(), in_.clear();
  timer_->arm(world_.now() + world_.random.between(1_ms, 200_ms));
}

}  // namespace holdfast::sim
