// SESSIONRECOVERY's values (MS-TDS 2.2.6.4, 2.2.7.21) from and to what a session has set.
#pragma once

#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "tds/login7.h"
#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

/// All ids that the node has, in order: options, dates, deadlock priority, lock timeout, isolation, text
/// size, context.
std::vector<tds::SessionStateValue> state_values(const SessionSettings& settings);
/// Those of `now` that `before` has otherwise.
std::vector<tds::SessionStateValue> changed_values(const std::vector<tds::SessionStateValue>& before,
                                                   const std::vector<tds::SessionStateValue>& now);
/// T-SQL that sets them; an id or a length that the node does not know is an error: a recovery must be
/// whole or fail.
Result<std::string> restoring_sql(const std::vector<tds::SessionStateValue>& states);

}  // namespace holdfast::sqlnode
