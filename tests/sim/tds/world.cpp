#include "tests/sim/tds/world_session.h"

namespace holdfast::tds::sim {

std::uint64_t Random::next() {
  state_ ^= state_ << 13;
  state_ ^= state_ >> 7;
  state_ ^= state_ << 17;
  return state_ * 0x2545f4914f6cdd1du;
}

namespace {

constexpr std::uint64_t story_ms = 1000, ending_ms = 1800;
constexpr std::size_t clients = 3;

}  // namespace

World::World(std::uint64_t seed) : random_(seed) {
  for (int i = 0; i < 8; ++i) random_.next();
  setting_.server_recovery = random_.chance(40);
  setting_.client_asks = setting_.server_recovery && random_.chance(50);
  setting_.replay = random_.chance(85);
  setting_.replay_transactions = random_.chance(50);
  setting_.follows_descriptor = random_.chance(85);
  setting_.client_size = random_.chance(50) ? 4096 : 512 + random_.below(4000);
  setting_.server_size = random_.chance(50) ? setting_.client_size : 512 + random_.below(4000);
  setting_.retain = random_.chance(70) ? 256 * 1024 : 1024 + random_.below(3000);
  setting_.shares = random_.chance(50);
  setting_.servers = 1 + random_.below(clients - 1);
  for (std::size_t i = 0; i < clients; ++i)
    sessions_.push_back(std::make_unique<Session>(*this, static_cast<int>(i)));
}

World::~World() = default;

void World::note(const std::string& what) { trail_.push_back(std::to_string(now_ms_) + " " + what); }

std::uint64_t World::answers() const {
  std::uint64_t sum = 0;
  for (const auto& session : sessions_) sum += session->client.answers;
  return sum;
}
std::uint64_t World::rolled_back() const {
  std::uint64_t sum = 0;
  for (const auto& session : sessions_) sum += session->client.rolled_back;
  return sum;
}
std::uint64_t World::unknown() const {
  std::uint64_t sum = 0;
  for (const auto& session : sessions_) sum += session->client.unknown;
  return sum;
}

void World::login(Session& s) {
  const Instant now{static_cast<std::int64_t>(now_ms_) * 1'000'000};
  s.server = std::make_unique<FakeServer>(table_, random_, setting_, s.id, serial_++);
  s.server->note = [this](const std::string& what) { note(what); };
  s.gone = false;
  s.towards_server.clear();
  if (s.conversation) {
    const auto relogin = s.conversation->relogin();
    if (setting_.server_recovery && !relogin.recovery.empty()) s.server->recover(relogin.recovery);
    s.wanted = false;
    ++survived_;
    note("session " + std::to_string(s.id) + " attached");
    s.conversation->attached(s.server->facts(), now);
    return;
  }
  facts_ = s.server->facts();
  begin(s, facts_);
}

void World::begin(Session& s, const LoginFacts& facts) {
  ConversationOptions options;
  options.hold = Duration::millis(150 + static_cast<std::int64_t>(random_.below(500)));
  options.replay_reads = setting_.replay;
  options.replay_transactions = setting_.replay_transactions;
  options.retain = setting_.retain;
  options.digest_text = random_.chance(50) ? 256 : 0;
  s.client.connect();
  s.ending = s.wanted = false;
  s.replayed = 0;
  s.towards_client.clear();
  s.from_client.clear();
  s.conversation = std::make_unique<Conversation>(
      s, options, facts, Instant{static_cast<std::int64_t>(now_ms_) * 1'000'000});
  note("session " + std::to_string(s.id) + " connects");
}

void World::lose(Session& s) {
  s.gone = false;
  s.server.reset();
  s.towards_server.clear();
  note("session " + std::to_string(s.id) + " loses its server");
  if (s.conversation && !s.ending)
    s.conversation->server_lost({static_cast<std::int64_t>(now_ms_) * 1'000'000}, "died");
}

// Every session's server dies where it is. Planned: it lives, but takes no writes any more.
void World::crash(bool planned) {
  free_.clear();
  note(planned ? "the primary steps down" : "the primary dies");
  primary_ = false;
  primary_at_ = now_ms_ + random_.below(random_.chance(80) ? 100 : 600);
  for (auto& session : sessions_) {
    if (!session->server || session->server->dead) continue;  // one that died a moment ago takes nothing more
    session->server->primary = false;
    if (planned) continue;
    if (random_.chance(60))
      session->server->receive(
          Bytes(session->towards_server).substr(0, random_.below(session->towards_server.size() + 1)));
    if (random_.chance(60) && session->server->has_work()) session->server->work(true);
    if (!session->server->broken.empty()) failure_ = "server: " + session->server->broken;
    session->server->kill();
    session->gone = true;
  }
}

void World::step_session(Session& s) {
  const Instant now{static_cast<std::int64_t>(now_ms_) * 1'000'000};
  const auto some = [&](std::string& pipe) {
    const std::size_t n = random_.chance(70) ? pipe.size() : 1 + random_.below(pipe.size());
    const std::string taken = pipe.substr(0, n);
    pipe.erase(0, n);
    return taken;
  };
  if (!s.conversation) {
    if (primary_ && random_.chance(30) && !begin_shared(s)) login(s);
    return;
  }
  switch (random_.below(6)) {
    case 0:
      if (!s.ending && !s.client.quiet_close) s.client.act(s.from_client);
      break;
    case 1:
      if (!s.from_client.empty() && !s.ending && !s.conversation->starved())
        s.conversation->from_client(some(s.from_client), now);
      break;
    case 2:
      if (s.server && !s.server->dead && !s.towards_server.empty()) s.server->receive(some(s.towards_server));
      break;
    case 3:
      if (s.server && !s.server->dead && s.server->has_work() && random_.chance(60)) s.server->work(false);
      break;
    case 4:
      if (s.server && !s.server->out.empty() && !s.ending) {
        const std::string bytes = some(s.server->out);
        s.conversation->from_server(bytes, now);
      } else if (s.server && s.gone && random_.chance(40)) {
        lose(s);
      }
      break;
    case 5:
      if (s.towards_client.empty()) break;
      s.client.receive(some(s.towards_client));
      break;
  }
  if (const auto sight = s.conversation->sight(); sight.replayed != s.replayed) {
    note("session " + std::to_string(s.id) + " has replayed its transaction");
    s.replayed = sight.replayed;
    ++replayed_;
  }
  if (s.server && s.gone && random_.chance(10)) lose(s);  // with bytes that were on their way
  if (s.server && !s.server->broken.empty()) failure_ = "server: " + s.server->broken;
  if (!s.ending && now >= s.conversation->deadline()) s.conversation->on_deadline(now);
  if (!s.ending && s.wanted && !s.server && primary_ && random_.chance(30) && !share(s)) login(s);
  if (s.client.quiet_close && s.towards_client.empty()) {  // the client closes: its server goes, too
    if (!s.ending) keep(s);
    s.ending = true;
    s.client.quiet_close = false;
  }
  if (s.ending && s.towards_client.empty()) {
    s.client.closed("");
    s.conversation.reset();
    s.finish_dropped();
    s.server.reset();
  }
}

void World::step() {
  ++now_ms_;
  if (!primary_ && now_ms_ >= primary_at_) {
    primary_ = true;
    note("a primary is there");
    // Those that only stepped down are found out, and given up.
    for (auto& session : sessions_)
      if (session->server && !session->server->primary && !session->gone) {
        session->finish_dropped();
        session->server->kill();
        session->gone = true;
      }
  }
  if (primary_ && now_ms_ < story_ms && random_.below(250) == 0) crash(random_.chance(25));
  if (now_ms_ < story_ms && random_.below(400) == 0) {  // one connection breaks
    Session& s = *sessions_[random_.below(sessions_.size())];
    if (s.server && !s.gone && s.conversation) {
      s.finish_dropped();
      s.server->kill();
      s.gone = true;
    }
  }
  if (now_ms_ < story_ms && random_.below(600) == 0) {
    Session& s = *sessions_[random_.below(sessions_.size())];
    if (s.conversation && !s.ending)
      s.conversation->pause(random_.chance(50), {static_cast<std::int64_t>(now_ms_) * 1'000'000});
  }
  for (auto& session : sessions_)
    for (std::uint64_t n = 6 + random_.below(12); n > 0 && failure_.empty(); --n) step_session(*session);
}

void World::check() {
  for (const auto& session : sessions_)
    if (session->client.connected && session->client.waiting()) {
      failure_ = "client " + std::to_string(session->id) + " was left without an answer";
      return;
    }
  for (const auto& [id, entry] : ledger_) {
    const auto found = table_.find(id);
    const unsigned times = found == table_.end() ? 0 : found->second;
    const std::string name = "write " + std::to_string(id) + " of client " + std::to_string(entry.first);
    if (times > 1) failure_ = name + " was done twice";
    if (entry.second == Fate::Acknowledged && times == 0) failure_ = name + " was acknowledged and is lost";
    if (entry.second == Fate::Nothing && times != 0)
      failure_ = name + " was said to be rolled back and is there";
    if (!failure_.empty()) return;
  }
}

bool World::run() {
  while (failure_.empty() && now_ms_ < story_ms) step();
  for (auto& session : sessions_) {
    session->client.quiet = true;
    if (session->conversation && !session->ending)
      session->conversation->pause(false, {static_cast<std::int64_t>(now_ms_) * 1'000'000});
  }
  while (failure_.empty() && now_ms_ < ending_ms) step();
  if (failure_.empty()) check();
  return failure_.empty();
}

}  // namespace holdfast::tds::sim
