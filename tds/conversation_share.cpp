// A session's server may serve another of the same login, and a session may begin without one.
#include <utility>

#include "tds/conversation_parts.h"

namespace holdfast::tds {

// Whatever the server's own recovery could do: another session's connection is not made by a login.
UnrecoverableSet Conversation::Parts::pins() const {
  return static_cast<UnrecoverableSet>(lacking() | settings.unrecoverable(false));
}

bool Conversation::Parts::pinned(bool leaned) const {
  return !options.relogin_possible || login.column_encryption || rows_announced || (leaned && wrote) ||
         pins() != 0;
}

bool Conversation::Parts::lendable(bool leaned) const {
  return !ended && !draining && server == Server::Ready && settled() &&
         (!flight || flight->server_packets.held() == 0) && !pinned(leaned);
}

void Conversation::Parts::ask_back() {
  const bool needs = stage == Stage::Held || stage == Stage::Gathering;
  if (lent && needs && !ended && !paused) host.want_server();
}

std::uint8_t Conversation::Parts::take_reset() {
  return std::exchange(reset_owed, false) ? packet_status::reset_connection : 0;
}

bool Conversation::Parts::starved() const {
  const bool none =
      (server == Server::Lost && lent) || server == Server::Restoring || server == Server::Asking;
  return none && stage == Stage::Gathering && !request().finished;
}

bool Conversation::starved() const {
  return parts_->starved() && parts_->request().payload.size() >= parts_->options.retain;
}

std::string Conversation::pin(bool leaned) const {
  const Parts& p = *parts_;
  if (p.descriptor != 0 || p.doomed) return "transaction";
  if (const UnrecoverableSet set = p.pins(); set != 0) return names_of(set);
  if (p.rows_announced) return "bulk load";
  if (leaned && p.wrote) return "@@IDENTITY";
  return p.pinned(leaned) ? "login" : "";
}

bool Conversation::lendable(bool leaned) const { return parts_->lendable(leaned); }

void Conversation::lend(Instant now) {
  parts_->now = now;
  parts_->lent = true;
  parts_->reset_owed = false;
  parts_->set_server(Parts::Server::Lost);
}

// RESETCONNECTION goes back to what the login says: the same for all that share it.
Conversation::Handover Conversation::handover() const {
  const Parts& p = *parts_;
  const RecoveryState& initial = p.settings.initial();
  LoginFacts facts{p.login, initial.database, initial.language, initial.collation, initial.states};
  return {std::move(facts), p.settings.isolation_default(), p.server_sequence};
}

bool Conversation::needs_login() const {
  const Parts& p = *parts_;
  return p.settings.unrecoverable(false) != 0 || p.descriptor != 0 || p.replaying();
}

bool Conversation::lent() const { return parts_->lent; }

bool Conversation::leans() const { return parts_->leans; }

void Conversation::attached(const Handover& from, Instant now) {
  parts_->wake(now);
  parts_->attached(from.facts, &from);
  parts_->settle();
}

void Conversation::waits_for(std::string_view what) { parts_->waits_for = what; }

}  // namespace holdfast::tds
