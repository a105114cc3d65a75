// What the driver would do with the actions.
#include "tests/sim/vrrp/world.h"

namespace holdfast::vrrp::sim {

using Kind = StationAction::Kind;

void World::carry(Node& node, std::vector<StationAction> actions) {
  const bool answered_before = node.answering;
  bool advertised = false;
  for (const StationAction& action : actions) {
    if (action.kind == Kind::SendVrrp && action.bytes.size() > 2 && action.bytes[2] != 0 && !node.answering)
      advertised = true;
    carry_one(node, action);
  }
  check_order(node, answered_before, advertised);
}

void World::carry_one(Node& node, const StationAction& a) {
  switch (a.kind) {
    case Kind::SendVrrp: return vrrp(node, a.bytes, a.to);
    case Kind::AddAddresses: node.answering = node.has_addresses = true; return;
    case Kind::DropAddresses:
      node.answering = node.has_addresses = false;
      node.announcing = ++last_;
      return;
    case Kind::Linger: return linger(node);
    case Kind::Announce:
      if (!node.answering) fail(node.name + " announces what it does not answer for");
      node.announcing = ++last_;
      return announce(node, node.announcing, 0);
    case Kind::PrepareForward: {
      node.forwarding = true;
      note(node.name + " forwards");
      const bool ok = !random_.chance(0.05);
      return at(now_ + random_.between(100_us, 5_ms), [this, &node, ok] {
        input(node, [this, ok](Station& s) { s.forward_ready(now_, "vip", ok, ok ? "" : "no nft"); });
      });
    }
    case Kind::EndForward: node.forwarding = false; return note(node.name + " forwards no more");
    case Kind::AskGateway: return ask_gateway(node);
    case Kind::Dial: return dial(node);
    case Kind::WritePeer: return write(node, a.bytes);
    case Kind::CloseIn:
      if (node.in != 0) close(std::exchange(node.in, 0), node.id);
      return;
    case Kind::CloseOut:
      if (node.out != 0) close(std::exchange(node.out, 0), node.id);
      return;
    case Kind::Heartbeat: return heartbeat(node, a.bytes);
    case Kind::RoleChanged:
      if (a.role == Role::Holder && !node.answering)
        fail(node.name + " is holder before it has the addresses");
      if (a.role == Role::Holder && a.epoch <= node.epoch)
        fail(node.name + " became holder under epoch " + std::to_string(a.epoch) + " after " +
             std::to_string(node.epoch));
      node.epoch = std::max(node.epoch, a.epoch);
      return;
    case Kind::HandoverResult: return note(node.name + (a.ok ? " result ok: " : " result no: ") + a.text);
    case Kind::Story: return note(node.name + " " + a.group + ": " + a.text);
    case Kind::FollowPeer:
    case Kind::Push: return;
  }
}

void World::linger(Node& node) {
  node.answering = false;
  node.announcing = ++last_;
  const std::uint64_t process = node.process;
  at(now_ + random_.between(10_ms, 1500_ms), [this, &node, process] {
    if (node.process == process) input(node, [this](Station& s) { s.connections_left(now_, "vip", 0); });
  });
}

void World::carry_foreign(Node& node) {
  for (const MachineAction& a : node.machine->take_actions()) {
    switch (a.kind) {
      case MachineAction::Kind::Send: vrrp(node, a.packet, a.to); break;
      case MachineAction::Kind::BecomeActive:
        note(node.name + " (foreign) becomes active");
        node.answering = true;
        [[fallthrough]];
      case MachineAction::Kind::Announce:
        node.announcing = ++last_;
        announce(node, node.announcing, 0);
        break;
      case MachineAction::Kind::BecomeBackup:
        note(node.name + " (foreign) becomes backup");
        node.answering = false;
        break;
      case MachineAction::Kind::Story: note(node.name + " (foreign) " + a.text); break;
    }
  }
}

}  // namespace holdfast::vrrp::sim
