// A simulated failover cluster behind Conversations: clients that speak TDS bytes and check every answer, two
// fake SQL nodes over one committed table, and a driver that breaks things on purpose: bytes in any split,
// deaths at any byte, late primaries. One seed, one story. The ledger at the end must agree with what the
// clients were told: acknowledged once, rolled back never, unknown at most once. Transactions read a snapshot:
// what one reads twice is the same, on whatever server.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tds/conversation.h"
#include "tds/packet.h"
#include "tds/token.h"
#include "tds/whole_packets.h"

namespace holdfast::tds::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  std::uint64_t next();
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }
  bool chance(unsigned percent) { return below(100) < percent; }

 private:
  std::uint64_t state_;
};

/// The shared disk: ids and how often each was committed.
using Table = std::map<std::uint64_t, unsigned>;

struct Setting {
  bool server_recovery = false, client_asks = false, replay = true, follows_descriptor = true,
       replay_transactions = false;
  bool shares = false;  ///< servers serve several sessions, of which there are fewer than ...
  std::size_t servers = 0;
  std::size_t client_size = 4096, server_size = 4096, retain = 256 * 1024;
};

struct Options {  ///< of a session, as both a server and a client's model of it have them
  std::string database = "home";
  std::map<std::string, std::string> values;
  std::set<std::string> temporary;
  std::string text(int owner, const Setting& setting) const;
};

/// One session on one node.
class FakeServer {
 public:
  FakeServer(Table& table, Random& random, const Setting& setting, int owner, std::uint64_t serial);
  /// Recovery data of a login.
  void recover(const std::string& data);
  void receive(Bytes bytes);
  bool has_work() const { return !inbox_.empty(); }
  /// Carries the oldest request out. `silently`: the node dies in it; what was done by then is done.
  void work(bool silently);
  void kill() { dead = true; }
  LoginFacts facts() const;

  bool primary = true, dead = false;
  std::string out;  ///< bytes towards the proxy
  std::function<void(const std::string&)> note;
  std::string broken;  ///< what a client must never make a server see; ends the story

 private:
  struct Message {
    PacketType type{};
    std::uint8_t status = 0;
    std::string payload;
  };
  void answer(const std::string& tokens);
  void reset(bool keep_transaction, std::string& tokens);
  void batch(std::string text, std::string& tokens);
  bool run(const std::string& statement, std::string& tokens);
  std::string counted();
  bool insert(std::uint64_t id, std::string& tokens);
  void rpc(Bytes body, std::string& tokens);
  void transaction(Bytes body, std::string& tokens);
  void bulk(const std::string& payload, std::string& tokens);
  void begin(std::string& tokens);
  void end_transaction(bool commit, std::string& tokens);
  void state_token(std::string& tokens);
  bool check_descriptor(std::uint64_t said);
  std::string replace_parameter(const std::string& text, std::int32_t value) const;

  Table& table_;
  Random& random_;
  const Setting setting_;
  const int owner_;
  WholePackets packets_;
  Message partial_;
  std::vector<Message> inbox_;
  Options options_;
  std::map<std::int32_t, std::string> prepared_;
  std::int32_t next_handle_;
  std::uint64_t descriptor_ = 0, next_descriptor_;
  std::vector<std::uint64_t> pending_;
  std::optional<std::size_t> snapshot_;  ///< committed rows, as the open transaction first saw them
  std::uint32_t sequence_ = 0;
  bool bulk_expected_ = false, changed_ = false, dying_ = false;
  std::size_t budget_ = SIZE_MAX;  // statements until the node dies
};

/// Rows as tokens, one NVARCHAR column; long texts take several.
std::string rows_tokens(const std::string& text);
std::string big_text(std::uint64_t k);
std::string number_text(std::uint64_t n);

struct Reading;  // what one answer said; client.cpp's affair

enum class Fate : std::uint8_t { Pending, Acknowledged, Nothing, Unknown };

/// One application with one connection; it makes requests one at a time and checks what it gets.
class FakeClient {
 public:
  FakeClient(int id, Random& random, const Setting& setting,
             std::map<std::uint64_t, std::pair<int, Fate>>& ledger, std::uint64_t& ids, std::string& failure);
  void connect();  ///< a new connection: all is as after a login
  bool act(std::string& out);  ///< something to send; false: nothing now
  void receive(Bytes bytes);
  void closed(std::string_view outcome);
  bool waiting() const { return request_.live || attention_; }
  bool connected = false, quiet = false;
  bool quiet_close = false;  ///< the application gives this connection up
  std::function<void(const std::string&)> note;
  std::uint64_t answers = 0, rolled_back = 0, unknown = 0;

 private:
  struct Request {
    bool live = false, read = false, ignored = false, counts = false;
    std::string name, expect;  ///< tokens that the answer must begin with
    std::vector<std::uint64_t> writes;
    bool commits = false, rolls_back = false, begins = false, in_transaction = false, fails = false,
         prepares = false, bulk_first = false, bulk = false;
    std::int32_t unprepares = 0;
    std::string prepare_text;
    std::function<void()> done;  ///< the model's change upon success
  };
  void send_batch(const std::string& text, std::string& out);
  void send(PacketType type, const std::string& body, std::string& out, bool headers = true);
  void make(std::string& out);
  void make_transaction_step(std::string& out);
  void make_prepared(std::string& out);
  void make_setting(std::string& out);
  void make_read(std::string& out);
  void message(const std::string& payload);
  void cancelled();
  void refused(const Reading& read);
  void answered(const Reading& read, const std::string& payload);
  void success();
  void settle(Fate fate);
  void fail(const std::string& why);
  std::uint64_t new_id();

  const int id_;
  Random& random_;
  const Setting& setting_;
  std::map<std::uint64_t, std::pair<int, Fate>>& ledger_;
  std::uint64_t& ids_;
  std::string& failure_;
  std::unique_ptr<MessageReader> reader_;
  Request request_;
  bool attention_ = false, transaction_ = false, bulk_ready_ = false, only_reads_ = false;
  bool reset_asked_ = false;  // and not acknowledged yet
  std::string counted_;  ///< what the open transaction has read of what others change
  std::uint64_t descriptor_ = 0;
  Options options_;
  std::map<std::int32_t, std::string> handles_;
  std::vector<std::uint64_t> open_;  // written in the open transaction
  std::uint32_t sequence_ = 0;
};

class World {
  struct Session;

 public:
  explicit World(std::uint64_t seed);
  ~World();
  bool run();
  const std::string& failure() const { return failure_; }
  const std::vector<std::string>& trail() const { return trail_; }
  std::uint64_t answers() const;
  std::uint64_t survived() const { return survived_; }
  std::uint64_t replayed() const { return replayed_; }
  std::uint64_t shared() const { return shared_; }
  std::uint64_t rolled_back() const;
  std::uint64_t unknown() const;

 private:
  void step();
  void step_session(Session& session);
  void login(Session& session);
  void begin(Session& session, const LoginFacts& facts);
  // Sharing (sharing.cpp).
  struct Free;
  std::size_t servers() const;
  bool share(Session& session);
  bool begin_shared(Session& session);
  void take(Session& session, Free from);
  void keep(Session& session);
  void crash(bool planned);
  void lose(Session& session);
  void note(const std::string& what);
  void check();

  Random random_;
  Setting setting_;
  Table table_;
  std::map<std::uint64_t, std::pair<int, Fate>> ledger_;
  std::uint64_t ids_ = 1, serial_ = 1, survived_ = 0, shared_ = 0, replayed_ = 0, now_ms_ = 0;
  std::uint64_t primary_at_ = 0;
  bool primary_ = true;
  std::string failure_;
  std::vector<std::string> trail_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Free> free_;
  LoginFacts facts_;  ///< of the last login
};

}  // namespace holdfast::tds::sim
