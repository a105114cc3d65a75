#include "proxy/admin_listener.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "proxy/admin_command.h"

namespace holdfast {

namespace {

constexpr Duration request_time = 5_s;
constexpr Duration answer_time = 30_s;
constexpr Duration follow_every = 200_ms;
constexpr std::size_t follow_queued_max = 1 << 20;  // bytes; a follower that does not read is let go

static_assert(AdminListener::request_max > admin_command_max + admin_push_max);

}  // namespace

/// Held by whoever owes a session its answer; the two may go in either order.
class AdminSession;
class LateAnswer {
 public:
  explicit LateAnswer(AdminSession& session);
  LateAnswer(const LateAnswer&) = delete;
  LateAnswer& operator=(const LateAnswer&) = delete;
  ~LateAnswer();
  void tell(Result<std::string> result);
  void forget() { session_ = nullptr; }

 private:
  AdminSession* session_;
};

class AdminSession final : public Session, io::StreamEvents, io::TimerEvents {
 public:
  AdminSession(AdminListener& owner, io::StreamPtr stream)
      : owner_(owner), stream_(std::move(stream)), timer_(owner.loop_.timer(*this)) {
    stream_->set_events(*this);
    stream_->start_reading();
    timer_->arm(owner_.loop_.now() + request_time);
  }
  void drain() override {}
  void cut() override {
    if (stream_ && reply_.follow) --owner_.followers_;
    expect(nullptr);
    stream_.reset();
    timer_.reset();
    die();
  }
  ~AdminSession() override { expect(nullptr); }
  /// Whose answer is waited for; null: nobody's any more.
  void expect(LateAnswer* answer) {
    if (late_) late_->forget();
    late_ = answer;
  }
  void on_late(Result<std::string> result) {
    expect(nullptr);
    send({result ? "ok\n" + *result + "\n" : "error\n" + result.error().text + "\n", false, false, 0});
    if (ended_ && stream_->queued() == 0) cut();
  }

  // io::StreamEvents
  void on_data(Bytes data) override {
    if (answered_) return;
    request_.append(data.substr(0, AdminListener::request_max - request_.size()));
    std::optional<AdminReply> reply = owner_.answer_(request_);
    if (!reply) return request_.size() < AdminListener::request_max ? void() : cut();
    answered_ = true;
    request_ = std::string();
    if (!reply->begin) return send(std::move(*reply));
    timer_->arm(owner_.loop_.now() + reply->patience);
    auto late = std::make_unique<LateAnswer>(*this);
    reply->begin([late = std::move(late)](Result<std::string> result) { late->tell(std::move(result)); });
  }
  /// A client that ends its half after the request still wants its answer; a follower has left.
  void on_end() override {
    if (!answered_ || reply_.follow || ended_) return cut();
    ended_ = true;
    if (!late_ && stream_->queued() == 0) cut();
  }
  void on_drained() override {
    if (answered_ && !late_ && ended_) cut();
  }
  void on_fault(io::Fault, std::string_view) override { cut(); }

  // io::TimerEvents
  void on_timer() override {
    if (late_) return on_late(fail(Blame::Self, "not done in time; `holdfast status` tells how it is"));
    if (!answered_ || !reply_.follow || stream_->queued() > follow_queued_max) return cut();
    std::string lines;
    for (const Event& event : owner_.events_.since(reply_.after)) {
      lines += event_line(event, reply_.json);
      reply_.after = event.number;
    }
    if (!lines.empty()) stream_->write(lines);
    timer_->arm(owner_.loop_.now() + follow_every);
  }

 private:
  void send(AdminReply reply) {
    reply_ = std::move(reply);
    if (reply_.follow && owner_.followers_ == AdminListener::followers_max)
      reply_ = {"error\ntoo many follow the events already\n", false, false, 0};
    owner_.followers_ += reply_.follow ? 1 : 0;
    stream_->write(reply_.text);
    reply_.text.clear();
    timer_->arm(owner_.loop_.now() + (reply_.follow ? follow_every : answer_time));
    if (!reply_.follow) stream_->finish();
  }

  AdminListener& owner_;
  io::StreamPtr stream_;
  io::TimerPtr timer_;
  std::string request_;
  AdminReply reply_;
  LateAnswer* late_ = nullptr;
  bool answered_ = false;
  bool ended_ = false;  ///< the client finished its half
};

LateAnswer::LateAnswer(AdminSession& session) : session_(&session) { session.expect(this); }

LateAnswer::~LateAnswer() {
  if (session_) session_->expect(nullptr);
}

void LateAnswer::tell(Result<std::string> result) {
  if (session_) session_->on_late(std::move(result));
}

AdminListener::AdminListener(io::Loop& loop, const Events& events, Answer answer)
    : loop_(loop), events_(events), answer_(std::move(answer)) {}

Status AdminListener::open(const io::ListenOptions& options) {
  Result<io::ListenerPtr> listener = loop_.listen(options, *this);
  if (!listener) return std::unexpected(listener.error());
  listener_ = std::move(*listener);
  return {};
}

void AdminListener::on_accept(io::StreamPtr stream) {
  sessions_.reap();  // here no session is on the stack; the dead hold neither stream nor timer
  if (sessions_.size() >= connections_max) return;
  sessions_.add(std::make_unique<AdminSession>(*this, std::move(stream)));
}

Status check_socket_folder(const std::string& socket_path) {
  const std::size_t slash = socket_path.rfind('/');
  const std::string folder = slash == socket_path.npos ? "."
                             : slash == 0              ? "/"
                                                       : socket_path.substr(0, slash);
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0)
    return fail(Blame::Operator,
                "control socket " + socket_path + ": " + folder + ": " + std::strerror(errno));
  if ((info.st_mode & S_IWOTH) && !(info.st_mode & S_ISVTX))
    return fail(Blame::Operator, "control socket " + socket_path + ": anyone can write to " + folder +
                                     "; make it writable for its owner only");
  return {};
}

}  // namespace holdfast
