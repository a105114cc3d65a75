// One client: PRELOGIN, TLS, LOGIN7, then requests until the end. Lives on its own thread; only end() is
// for others.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tds/login7.h"
#include "tds/prelogin.h"
#include "tests/sqlnode/channel.h"
#include "tests/sqlnode/inbox.h"
#include "tests/sqlnode/prepared.h"
#include "tests/sqlnode/reply.h"

namespace holdfast::sqlnode {

class Node;

class Session {
 public:
  Session(Node& node, int fd);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void run();
  /// From another thread: what runs is cancelled and answered with this error, the connection ends.
  void end(std::uint32_t error);
  /// Its LOGIN7 has come.
  bool is_session() const { return is_session_; }

 private:
  struct First {
    tds::PacketType type{};
    std::string payload;
  };
  // session_login.cpp
  bool greet();
  bool answer_prelogin(Bytes payload, bool strict, tds::Scope& scope);
  std::optional<First> read_message(tds::Scope scope);
  bool log_in(Bytes payload);
  bool exchange_tokens(const tds::Login7& login);
  bool check_login(const tds::Login7& login, const std::string& database);
  bool choose_version(std::uint32_t asked);
  bool open_session(const tds::Login7& login, const std::string& database);
  bool recover(const tds::Login7& login);
  void acknowledge(const tds::Login7& login, const std::string& database);
  bool refuse(const Message& message, std::optional<Message> after = std::nullopt);

  // session.cpp
  bool serve(const Request& request);
  bool execute(Request& request, Reply& reply);
  bool close_response(Reply& reply);
  void acknowledge_attention();
  std::string session_state();
  Reply make_reply();

  // session_request.cpp
  void batch(Bytes payload, Reply& reply);
  void transaction(Bytes payload, Reply& reply);
  void bulk(Bytes payload, Reply& reply);

  Node* node_;
  Channel channel_;
  int spid_;
  Wire wire_;
  std::string plain_;  // read, not yet used, until the inbox begins
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Prepared> prepared_;
  std::mutex mutex_;  // of inbox_ against end()
  std::unique_ptr<Inbox> inbox_;
  std::atomic<std::uint32_t> ending_{0};
  std::atomic<bool> is_session_{false};
  bool recovery_ = false;  // SESSIONRECOVERY was acknowledged
  std::uint32_t sequence_ = 0;
  std::vector<tds::SessionStateValue> initial_, told_;
  bool told_recoverable_ = true;
};

}  // namespace holdfast::sqlnode
