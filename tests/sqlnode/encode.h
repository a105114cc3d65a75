// Types and values on their way to a client: TYPE_INFO, COLMETADATA, ROW, NBCROW and RETURNVALUE (MS-TDS
// 2.2.5.4, 2.2.7.4, 2.2.7.13, 2.2.7.19). What a version does not know is sent as it was there: dates as
// texts before 7.3, MAX types and XML as TEXT, NTEXT and IMAGE before 7.2.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

inline constexpr std::string_view collation{"\x09\x04\xD0\x00\x34", 5};  ///< SQL_Latin1_General_CP1_CI_AS

void append_columns(std::string& out, std::uint32_t version, const std::vector<Column>& columns);
/// NBCROW where the version has it and something is null.
void append_row(std::string& out, std::uint32_t version, const std::vector<Column>& columns,
                const std::vector<Value>& row);
void append_return_value(std::string& out, std::uint32_t version, std::uint16_t ordinal,
                         const Parameter& parameter);

}  // namespace holdfast::sqlnode
