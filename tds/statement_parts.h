// The parts of facts_of(), each a reading of the same text: a proof that a batch only reads or only changes
// data, and, where there is none, what it may do to the session. Only tds/statement*.cpp include this.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tds/statement.h"
#include "tds/vocabulary.h"

namespace holdfast::tds {

/// What one SET says. `items` stands behind the word SET and is left behind what was understood.
struct SetClause {
  enum class Kind : std::uint8_t { Variable, Known, Unknown } kind = Kind::Unknown;
  std::vector<Setting> settings;  ///< Known
  bool outlives_batch = false;  ///< CONTEXT_INFO: even one said inside sp_executesql stays
  bool silencer =
      false;  ///< all of NOEXEC, PARSEONLY, FMTONLY, SHOWPLAN_*; it runs even where these forbid ...
  bool silences = false;  ///< ... what follows: one of them is ON
  bool begins = false;  ///< IMPLICIT_TRANSACTIONS ON
};
SetClause read_set(Items& items);

struct Proof {
  bool reads = false, plain = false;
  bool deterministic = false;  ///< of what reads
  bool previous = false;  ///< leans on the statement before it
};
/// Linear; gives up at the first thing that is not on a list.
Proof prove(Bytes utf16, bool nested);

/// Everything but read_only, plain and deterministic. Linear.
StatementFacts effects_of(Bytes utf16, bool nested);

/// What is said of a text that cannot be read.
StatementFacts facts_of_unreadable(bool nested);
void merge(StatementFacts& into, const StatementFacts& more);

}  // namespace holdfast::tds
