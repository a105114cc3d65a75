#include "tests/sqlnode/inbox.h"

#include <cstdio>

namespace holdfast::sqlnode {
namespace {

bool complain(const char* what) {
  std::fprintf(stderr, "sqlnode: client ended: %s\n", what);
  return false;
}

}  // namespace

Inbox::Inbox(Channel& channel, std::string first, std::size_t longest, std::size_t exact)
    : channel_(&channel), exact_(exact) {
  packets_.set_longest(longest);
  reader_ = std::thread([this, first = std::move(first)]() mutable { run(std::move(first)); });
}

Inbox::~Inbox() {
  close();
  reader_.join();
}

void Inbox::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  cancelled_ = true;
  changed_.notify_all();
}

void Inbox::run(std::string plain) {
  while (true) {
    if (!cut(plain)) break;
    plain.clear();
    if (!channel_->read(plain)) break;
  }
  close();
}

bool Inbox::cut(Bytes in) {
  tds::PacketReader::Piece piece;
  while (true) {
    const auto more = packets_.next(in, piece);
    if (!more) return complain(more.error().text.c_str());
    if (!*more) return true;
    if (piece.starts && exact_ != 0 && !piece.header.last() && piece.header.length != exact_)
      return complain("a packet that is not a message's last has not the negotiated size");
    if (!begun_) {
      begun_ = true;
      gathering_ = {piece.header.type, piece.header.status, false, {}};
    }
    if (piece.header.type != gathering_.type) return complain("a message of mixed packet types");
    gathering_.payload += piece.payload;
    if (gathering_.payload.size() > request_max) return complain("a request over the limit");
    if (!piece.ends_message()) continue;
    gathering_.ignored = (piece.header.status & tds::packet_status::ignore) != 0;
    begun_ = false;
    if (!push()) return false;
  }
}

bool Inbox::push() {
  std::unique_lock lock(mutex_);
  if (gathering_.type == tds::PacketType::Attention) {
    ++attentions_;
    cancelled_ = true;
  } else {
    changed_.wait(lock, [this] { return requests_.size() < 4 || closed_; });
    requests_.push_back(std::move(gathering_));
  }
  changed_.notify_all();
  return !closed_;
}

Inbox::Event Inbox::next(Request& request) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || !requests_.empty() || attentions_ > 0; });
  if (closed_) return Event::Closed;
  if (!requests_.empty()) {
    request = std::move(requests_.front());
    requests_.pop_front();
    changed_.notify_all();
    return Event::Request;
  }
  return Event::Attention;
}

bool Inbox::take_attention() {
  const std::lock_guard lock(mutex_);
  if (attentions_ == 0) return false;
  --attentions_;
  cancelled_ = closed_.load();
  return true;
}

}  // namespace holdfast::sqlnode
