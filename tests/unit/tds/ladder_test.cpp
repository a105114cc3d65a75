#include "tds/ladder.h"

#include <catch2/catch.hpp>

using namespace holdfast::tds;

namespace {

LossFacts sent() {
  LossFacts facts;
  facts.progress = Progress::Sent;
  facts.relogin_possible = true;
  facts.retained = true;
  return facts;
}

LossFacts read() {
  LossFacts facts = sent();
  facts.read_only = facts.plain = true;
  return facts;
}

Fate fate(const LossFacts& facts) { return fate_of(facts).fate; }

}  // namespace

TEST_CASE("ladder: an idle session goes on, unless a transaction or state went with the server") {
  LossFacts idle;
  idle.relogin_possible = true;
  CHECK(fate(idle) == Fate::Continue);
  LossFacts open = idle;
  open.in_transaction = true;
  CHECK(fate(open) == Fate::RolledBackLater);
  LossFacts table = idle;
  table.state = static_cast<UnrecoverableSet>(Unrecoverable::TemporaryTable);
  CHECK(fate(table) == Fate::End);
  idle.relogin_possible = false;
  CHECK(fate(idle) == Fate::End);
}

TEST_CASE("ladder: what was never sent whole is sent again, or said to be rolled back") {
  LossFacts facts = sent();
  facts.progress = Progress::Unsent;
  CHECK(fate(facts) == Fate::Resend);
  facts.retained = false;
  CHECK(fate(facts) == Fate::RolledBack);
  facts.retained = true;
  facts.in_transaction = facts.ends_transaction = true;  // not even a COMMIT can have run
  CHECK(fate(facts) == Fate::RolledBack);
  facts.attention = true;
  CHECK(fate(facts) == Fate::Cancelled);
}

TEST_CASE("ladder: a write that was sent is never sent again") {
  for (int bits = 0; bits < 256; ++bits) {
    LossFacts facts = sent();
    facts.plain = bits & 1;
    facts.retained = bits & 2;
    facts.forwarded = bits & 4;
    facts.comparable = bits & 8;
    facts.attention = bits & 16;
    facts.relogin_possible = bits & 32;
    facts.in_transaction = bits & 64;
    facts.ends_transaction = bits & 128;
    const Fate got = fate(facts);
    INFO(bits);
    CHECK(got != Fate::Repeat);
    CHECK(got != Fate::Resend);
    CHECK(got != Fate::Continue);
    // Outside a transaction, or with its end in flight, nobody knows.
    if (!facts.in_transaction || facts.ends_transaction) CHECK(got == Fate::Unknown);
  }
}

TEST_CASE("ladder: a read is repeated if what was forwarded can be compared") {
  CHECK(fate(read()) == Fate::Repeat);
  LossFacts facts = read();
  facts.forwarded = true;
  CHECK(fate(facts) == Fate::End);
  facts.comparable = true;
  CHECK(fate(facts) == Fate::Repeat);
  facts.repeat_allowed = false;
  CHECK(fate(facts) == Fate::End);
  facts.forwarded = false;
  CHECK(fate(facts) == Fate::RolledBack);
  facts = read();
  facts.retained = false;
  CHECK(fate(facts) == Fate::RolledBack);
  facts = read();
  facts.attention = true;
  CHECK(fate(facts) == Fate::Cancelled);
  facts = read();
  facts.state = static_cast<UnrecoverableSet>(Unrecoverable::Cursor);
  CHECK(fate(facts) == Fate::End);
}

TEST_CASE("ladder: a transaction dies with its server, and says so where it can be said") {
  LossFacts facts = sent();
  facts.in_transaction = true;
  CHECK(fate(facts) == Fate::RolledBack);
  facts.forwarded = true;
  CHECK(fate(facts) == Fate::End);
  facts.forwarded = false;
  facts.attention = true;
  CHECK(fate(facts) == Fate::Cancelled);
  facts.attention = false;
  facts.ends_transaction = facts.rolls_back = true;
  CHECK(fate(facts) == Fate::RolledBack);
  facts.rolls_back = false;
  CHECK(fate(facts) == Fate::Unknown);
}

TEST_CASE("ladder: every verdict has a name and a reason") {
  for (const Fate f : {Fate::Continue, Fate::Resend, Fate::Repeat, Fate::Cancelled,
                       Fate::RolledBack, Fate::RolledBackLater, Fate::Unknown, Fate::End})
    CHECK_FALSE(name_of(f).empty());
  CHECK_FALSE(fate_of(LossFacts{}).why.empty());
}
