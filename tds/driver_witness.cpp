#include "tds/driver_witness.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "tds/driver_bell.h"

namespace holdfast::tds {

/// Keeps the connection, and answers the newest question only.
class WitnessAsker::Thread {
 public:
  struct Question {
    std::uint64_t number = 0;
    SqlServer server;
    std::string setup, batch;
  };
  struct Answer {
    std::uint64_t number = 0;
    Result<SqlReply> reply;
  };

  Thread() {
    sigset_t all, before;  // the process's signals are the loops' business
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  ~Thread() {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void ask(Question question) {
    {
      std::lock_guard lock(mutex_);
      question_ = std::move(question);
    }
    changed_.notify_one();
  }
  std::optional<Answer> take() {
    bell.silence();
    std::lock_guard lock(mutex_);
    return std::exchange(answer_, std::nullopt);
  }

  Bell bell;

 private:
  void run() {
    ::pthread_setname_np(::pthread_self(), "hf-witness");
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return ending_ || question_; });
      if (ending_) return;
      const Question question = std::move(*std::exchange(question_, std::nullopt));
      lock.unlock();
      Answer answer{question.number, look(question)};
      lock.lock();
      answer_ = std::move(answer);
      bell.ring();
    }
  }

  Result<SqlReply> look(const Question& question) {
    if (!connection_ || at_ != question.server.address) {
      connection_ = std::make_unique<SqlConnection>(question.server);
      at_ = question.server.address;
    }
    std::string complaint;  // of the setup: why there is no table
    if (!connection_->is_open()) {
      if (Status opened = connection_->open(); !opened) return std::unexpected(opened.error());
      Result<SqlReply> made = connection_->run(question.setup);
      if (!made) return made;
      complaint = std::move(made->complaint);
    }
    Result<SqlReply> reply = connection_->run(question.batch);
    if (reply && reply->complaint.empty()) reply->complaint = std::move(complaint);
    return reply;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Question> question_;
  std::optional<Answer> answer_;
  bool ending_ = false;
  std::unique_ptr<SqlConnection> connection_;  // the thread's alone, as is what it leads to
  Address at_;
  std::thread thread_;
};

WitnessAsker::WitnessAsker(io::Loop& control, std::string cluster, std::string node, Verdict verdict)
    : loop_(control),
      cluster_(std::move(cluster)),
      node_(std::move(node)),
      verdict_(std::move(verdict)),
      timer_(control.timer(*this)),
      thread_(std::make_unique<Thread>()),
      watch_(control.watch(thread_->bell.descriptor(), *this)) {
  timer_->arm(control.now());
}

WitnessAsker::~WitnessAsker() = default;

void WitnessAsker::at(const conf::Instance* primary, const conf::SqlMonitor* monitor) {
  if (!primary || !monitor) {
    server_.reset();
    return;
  }
  if (!server_) server_ = std::make_unique<SqlServer>();
  server_->address = primary->address;
  server_->user = monitor->user;
  server_->password = monitor->password;
  server_->database = monitor->database;
  server_->encrypt = monitor->encrypt;
  server_->timeout = monitor->timeout;
}

void WitnessAsker::ask() {
  began_ = loop_.now();
  asking_ = server_ != nullptr;
  timer_->arm(began_ + (asking_ ? patience : every));
  if (!asking_) return nothing("no instance of its service is active");
  thread_->ask({++number_, *server_, witness_setup(cluster_), witness_batch(cluster_, node_, act_)});
}

void WitnessAsker::on_readable() {
  const auto answer = thread_->take();
  if (!answer || !asking_ || answer->number != number_) return;
  asking_ = false;
  timer_->arm(began_ + every);
  if (!answer->reply) return nothing(answer->reply.error().text);
  verdict_(judge_witness(node_, answer->reply->tables, answer->reply->complaint));
}

void WitnessAsker::on_timer() {
  if (std::exchange(asking_, false)) nothing("no answer in " + std::to_string(patience.to_millis()) + " ms");
  ask();
}

void WitnessAsker::nothing(std::string why) {
  WitnessAnswer answer;
  answer.why = std::move(why);
  verdict_(answer);
}

}  // namespace holdfast::tds
