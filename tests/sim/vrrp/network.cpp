// What is between the nodes: datagrams, channels, the gateway, and the client's ARP table.
#include <utility>

#include "tests/sim/vrrp/world.h"

namespace holdfast::vrrp::sim {
namespace {

constexpr Duration retransmission = 20_ms;
constexpr Duration connect_patience = 500_ms;
constexpr Duration refresh = 60_s;
/// As AnnounceSchedule has it: relative to the first announcement.
constexpr Duration announcements[] = {0_ms, 10_ms, 50_ms, 200_ms, 1_s, 5_s};

}  // namespace

bool World::cut(Path path, int from, int to) const {
  const Node& a = nodes_[static_cast<std::size_t>(from)];
  const Node& b = nodes_[static_cast<std::size_t>(to)];
  if (!a.host_up || !b.host_up) return true;
  if (path != Path::SideBeat && (!a.carrier || !b.carrier)) return true;
  return cut_[static_cast<std::size_t>(path)][static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

Duration World::delay() { return random_.between(50_us, random_.chance(0.9) ? 1_ms : setting_.delay_max); }

void World::datagram(Path path, const Node& from, Node& to, std::function<void(Station&)> what) {
  const int copies = random_.chance(setting_.loss) ? 0 : random_.chance(setting_.doubled) ? 2 : 1;
  for (int i = 0; i < copies; ++i)
    at(now_ + delay(), [this, path, &from, &to, what] {
      if (!cut(path, from.id, to.id)) input(to, what, true);
    });
}

void World::vrrp(Node& from, const std::string& packet, const Address& to) {
  const Envelope envelope{from.address, to, 255};
  for (Node& node : nodes_) {
    if (node.id == from.id) continue;
    if (node.id == 2) {
      if (random_.chance(setting_.loss)) continue;
      at(now_ + delay(), [this, &from, &node, packet, envelope] {
        if (!node.machine || cut(Path::Vrrp, from.id, 2)) return;
        node.machine->on_packet(now_, wall(node), 0, packet, envelope);
        after(node);
      });
      continue;
    }
    datagram(Path::Vrrp, from, node, [this, &node, packet, envelope](Station& s) {
      s.on_vrrp(now_, wall(node), "vip", 0, packet, envelope);
    });
  }
}

void World::heartbeat(Node& from, const std::string& bytes) {
  for (Path path : {Path::MainBeat, Path::SideBeat})
    datagram(path, from, other(from), [this, bytes](Station& s) { s.on_datagram(now_, bytes); });
}

// ---- channels ----

void World::dial(Node& node) {
  if (node.out != 0) close(std::exchange(node.out, 0), node.id);
  const std::uint64_t id = ++last_;
  connections_[id] = {node.id, other(node).id, true, false, false, {}};
  node.out = id;
  at(now_ + delay(), [this, id] { attempt(id); });
}

void World::attempt(std::uint64_t id) {
  Connection& c = connections_[id];
  if (!c.open) return;
  Node& from = nodes_[static_cast<std::size_t>(c.from)];
  Node& to = nodes_[static_cast<std::size_t>(c.to)];
  ChannelEnd end = ChannelEnd::Unreachable;
  Duration wait = connect_patience;
  if (!cut(Path::Channel, c.from, c.to) && !cut(Path::Channel, c.to, c.from)) {
    if (to.station) return input(to, [this, id](Station&) { accept(id); });
    end = ChannelEnd::Refused;
    wait = delay();
  }
  at(now_ + wait, [this, id, &from, end] {
    if (!connections_[id].open || from.out != id) return;
    connections_[id].open = false;
    from.out = 0;
    input(from, [this, end](Station& s) { s.on_out_end(now_, end); });
  });
}

void World::accept(std::uint64_t id) {
  Connection& c = connections_[id];
  if (!c.open) return;
  Node& from = nodes_[static_cast<std::size_t>(c.from)];
  Node& to = nodes_[static_cast<std::size_t>(c.to)];
  if (to.in != 0) close(std::exchange(to.in, 0), to.id);
  to.in = id;
  c.accepted = true;
  to.station->on_in_up(now_);
  at(now_ + delay(), [this, id, &from] {
    if (connections_[id].open && from.out == id)
      input(from, [this, id, &from](Station& s) {
        if (from.out == id) s.on_out_up(now_);
      });
  });
}

void World::write(Node& node, const std::string& bytes) {
  auto found = connections_.find(node.out);
  if (found == connections_.end() || !found->second.open) return;
  found->second.queue += bytes;
  if (std::exchange(found->second.pumping, true)) return;
  at(now_ + delay(), [this, id = found->first] { pump(id); });
}

void World::pump(std::uint64_t id) {
  Connection& c = connections_[id];
  c.pumping = false;
  if (!c.open || c.queue.empty()) return;
  if (cut(Path::Channel, c.from, c.to) || cut(Path::Channel, c.to, c.from)) {
    c.pumping = true;
    return at(now_ + retransmission, [this, id] { pump(id); });
  }
  Node& to = nodes_[static_cast<std::size_t>(c.to)];
  input(to, [this, id, &to, bytes = std::exchange(c.queue, {})](Station& s) {
    if (to.in == id) s.on_in_data(now_, bytes);
  });
}

/// What was written before the end still arrives; then the other side learns of it, as soon as it can.
void World::close(std::uint64_t id, int closer) {
  Connection& c = connections_[id];
  if (!c.open) return;
  if (closer == c.from) pump(id);
  c.open = false;
  if (c.accepted || closer == c.to) tell_end(id, closer == c.from ? c.to : c.from);
}

void World::tell_end(std::uint64_t id, int whom) {
  at(now_ + delay(), [this, id, whom] {
    Connection& c = connections_[id];
    Node& node = nodes_[static_cast<std::size_t>(whom)];
    if (cut(Path::Channel, c.from, c.to) || cut(Path::Channel, c.to, c.from)) {
      if (node.in == id || node.out == id) tell_end(id, whom);
      return;
    }
    input(node, [this, id, &node](Station& s) {
      if (node.in == id) node.in = 0, s.on_in_end(now_, ChannelEnd::Closed);
      if (node.out == id) node.out = 0, s.on_out_end(now_, ChannelEnd::Closed);
    });
  });
}

// ---- the rest of the network ----

void World::ask_gateway(Node& node) {
  if (!gateway_up_ || !node.carrier || random_.chance(setting_.loss)) return;
  at(now_ + delay(), [this, &node] {
    if (gateway_up_ && node.carrier) input(node, [this](Station& s) { s.gateway_answered(now_); });
  });
}

void World::announce(Node& node, std::uint64_t schedule, std::size_t step) {
  if (node.announcing != schedule || !node.answering) return;
  if (node.runs() && node.carrier && !random_.chance(setting_.loss))
    at(now_ + delay(), [this, &node] {
      if (node.carrier) client_entry_ = node.id;
    });
  if (step + 1 >= std::size(announcements))
    at(now_ + refresh, [this, &node, schedule, step] { announce(node, schedule, step); });
  else
    at(now_ + (announcements[step + 1] - announcements[step]),
       [this, &node, schedule, step] { announce(node, schedule, step + 1); });
}

}  // namespace holdfast::vrrp::sim
