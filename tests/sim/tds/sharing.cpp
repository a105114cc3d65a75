// Fewer servers than sessions: what the driver's pool would do, at random.
#include <algorithm>

#include "tests/sim/tds/world_session.h"

namespace holdfast::tds::sim {

std::size_t World::servers() const {
  return free_.size() +
         static_cast<std::size_t>(std::count_if(sessions_.begin(), sessions_.end(),
                                                [](const auto& s) { return s->server != nullptr; }));
}

void World::take(Session& s, Free from) {
  s.server = std::move(from.server);
  s.gone = from.gone;
  s.wanted = false;
  s.towards_server.clear();
  ++shared_;
  note("session " + std::to_string(s.id) + " takes a server that another used");
  s.conversation->attached(from.handover, {static_cast<std::int64_t>(now_ms_) * 1'000'000});
}

// True: it is not to log in.
bool World::share(Session& s) {
  if (!setting_.shares || s.conversation->needs_login()) return false;
  if (!free_.empty()) {
    Free from = std::move(free_.back());
    free_.pop_back();
    take(s, std::move(from));
    return true;
  }
  if (servers() < setting_.servers && random_.chance(70)) return false;
  for (auto& other : sessions_) {
    Session& v = *other;
    if (!v.server || !v.conversation || v.ending || !v.conversation->lendable(false)) continue;
    // What a dead one did not read is not taken out of its pipe.
    if (!v.gone && (!v.towards_server.empty() || !v.server->out.empty())) {
      failure_ = "session " + std::to_string(v.id) + " lends a server with bytes under way";
      return true;
    }
    v.towards_server.clear();
    Free from{std::move(v.server), v.conversation->handover(), v.gone};
    v.gone = false;
    v.conversation->lend({static_cast<std::int64_t>(now_ms_) * 1'000'000});
    take(s, std::move(from));
    return true;
  }
  return servers() >= setting_.servers;
}

bool World::begin_shared(Session& s) {
  if (!setting_.shares || facts_.version == 0) return false;
  if (free_.empty() && servers() < setting_.servers) return false;
  begin(s, facts_);
  s.conversation->lend({static_cast<std::int64_t>(now_ms_) * 1'000'000});
  if (!free_.empty()) share(s);
  return true;
}

// The client goes.
void World::keep(Session& s) {
  if (!setting_.shares || s.gone || !s.server || !s.server->primary || !s.conversation->lendable(false))
    return;
  free_.push_back({std::move(s.server), s.conversation->handover()});
}

}  // namespace holdfast::tds::sim
