// Table-valued parameters (MS-TDS 2.2.5.5.5): a table inside an RPC, with columns and rows of its own.
// Nothing here interprets one; it is stepped over, because what follows it must be found. Owned by
// type_info.cpp and rpc.cpp.
#pragma once

#include "proxy/base/result.h"
#include "tds/little.h"

namespace holdfast::tds {

inline constexpr std::size_t tvp_columns_max = 1024;

/// Database, schema and name of the type; they stand in front of the columns.
void read_tvp_name(LittleReader& in);
/// Columns, optional order, rows and both ends. A table in a table and NULLTYPE are errors, as 2.2.5.5.5.3
/// has it.
Status skip_tvp(LittleReader& in);

}  // namespace holdfast::tds
