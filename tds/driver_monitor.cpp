#include "tds/driver_monitor.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "tds/driver_bell.h"

namespace holdfast::tds {

namespace {

RoleAnswer unanswered(const Error& error) {
  RoleAnswer answer;
  answer.certain = !error.retryable;
  answer.why = error.text;
  return answer;
}

RoleAnswer question(SqlConnection& connection, const std::string& batch, const std::string& database) {
  const bool kept = connection.is_open();
  if (!kept)
    if (Status open = connection.open(); !open) return unanswered(open.error());
  Result<SqlReply> reply = connection.run(batch);
  // A connection that was kept may have ended for reasons of its own; a new one tells how the server is.
  if (!reply && kept && !reply.error().retryable) return question(connection, batch, database);
  if (!reply) return unanswered(reply.error());
  return judge_role(database, reply->tables, reply->complaint);
}

}  // namespace

/// From the threads to the control loop.
struct SqlMonitors::Mailbox {
  struct Letter {
    std::uint64_t asker = 0;
    std::uint64_t number = 0;  // of the question; 0: the connection ended
    RoleAnswer answer;
  };

  std::mutex mutex;
  std::vector<Letter> letters;
  Bell bell;

  void post(Letter letter) {
    {
      std::lock_guard lock(mutex);
      letters.push_back(std::move(letter));
    }
    bell.ring();
  }
  std::vector<Letter> take() {
    bell.silence();
    std::lock_guard lock(mutex);
    return std::exchange(letters, {});
  }
};

class SqlMonitors::Thread {
 public:
  Thread(Mailbox& mailbox, std::uint64_t id, SqlServer server, std::string database)
      : mailbox_(mailbox), id_(id), server_(std::move(server)), database_(std::move(database)) {
    // The process's signals are the loops' business.
    sigset_t all, before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Thread() {
    end();
    thread_.join();
  }
  void ask(std::uint64_t number) {
    wanted_ = number;
    bell_.ring();
  }
  void end() {
    ending_ = true;
    bell_.ring();
  }
  bool ended() const { return ended_; }

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "hf-sql");
    const std::string batch = role_batch(database_);
    SqlConnection connection(std::move(server_));
    for (std::uint64_t answered = 0; !ending_;) {
      const std::uint64_t number = wanted_;
      if (number == answered) {
        wait(connection);
        continue;
      }
      mailbox_.post({id_, number, question(connection, batch, database_)});
      answered = number;
    }
    ended_ = true;
  }

  void wait(SqlConnection& connection) {
    pollfd both[2] = {{bell_.descriptor(), POLLIN, 0}, {connection.descriptor(), POLLIN | POLLRDHUP, 0}};
    if (::poll(both, 2, -1) <= 0) return;
    if (both[0].revents != 0) bell_.silence();
    if (both[1].revents == 0) return;
    // Whatever it is (its end, or a last message before it), nothing is expected between questions.
    connection.close();
    mailbox_.post({id_, 0, {}});
  }

  Mailbox& mailbox_;
  const std::uint64_t id_;
  SqlServer server_;
  const std::string database_;
  Bell bell_;
  std::atomic<std::uint64_t> wanted_{0};
  std::atomic<bool> ending_{false}, ended_{false};
  std::thread thread_;
};

class SqlMonitors::Asker final : public RoleAsker {
 public:
  Asker(SqlMonitors& monitors, std::uint64_t id, Thread& thread, Events& events)
      : monitors_(monitors), id_(id), thread_(thread), events_(events) {}
  ~Asker() override {
    thread_.end();
    monitors_.forget(*this);
  }
  void ask() override { thread_.ask(++number_); }

  std::uint64_t id() const { return id_; }
  void deliver(std::uint64_t number, const RoleAnswer& answer) {
    if (number == 0) return events_.on_closed();
    if (number == number_) events_.on_role(answer);
  }

 private:
  SqlMonitors& monitors_;
  const std::uint64_t id_;
  Thread& thread_;
  Events& events_;
  std::uint64_t number_ = 0;
};

SqlMonitors::SqlMonitors(io::Loop& control)
    : mailbox_(std::make_unique<Mailbox>()), watch_(control.watch(mailbox_->bell.descriptor(), *this)) {
  prepare_freetds();
}

SqlMonitors::~SqlMonitors() {
  for (const auto& thread : threads_) thread->end();  // all at once: each may take its time
}

std::unique_ptr<RoleAsker> SqlMonitors::make(const conf::Instance& instance, const conf::SqlMonitor& monitor,
                                             RoleAsker::Events& events) {
  reap();
  SqlServer server;
  server.address = instance.address;
  server.user = monitor.user;
  server.password = monitor.password;
  server.encrypt = monitor.encrypt;
  server.timeout = monitor.timeout;
  const std::uint64_t id = ++last_id_;
  threads_.push_back(std::make_unique<Thread>(*mailbox_, id, std::move(server), monitor.database));
  auto asker = std::make_unique<Asker>(*this, id, *threads_.back(), events);
  askers_.push_back(asker.get());
  return asker;
}

void SqlMonitors::on_readable() {
  for (const Mailbox::Letter& letter : mailbox_->take()) {
    // Looked up each time: an answer may make a service end, and its askers with it.
    const auto it =
        std::find_if(askers_.begin(), askers_.end(), [&](Asker* a) { return a->id() == letter.asker; });
    if (it != askers_.end()) (*it)->deliver(letter.number, letter.answer);
  }
}

void SqlMonitors::forget(Asker& asker) { std::erase(askers_, &asker); }

void SqlMonitors::reap() {
  std::erase_if(threads_, [](const std::unique_ptr<Thread>& thread) { return thread->ended(); });
}

}  // namespace holdfast::tds
