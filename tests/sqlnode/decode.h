// Types and values on their way in: parameters of RPC calls and columns and rows of bulk load (MS-TDS
// 2.2.6.6, 2.2.6.1).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "tds/rpc.h"
#include "tds/type_info.h"
#include "tests/sqlnode/engine.h"

namespace holdfast::sqlnode {

Type type_of(const tds::TypeInfo& info);
Value value_of(const tds::TypeInfo& info, Bytes bytes);
/// `payload` is what the call was read from. A table-valued parameter is an error.
Result<Parameter> parameter_of(const tds::RpcParameter& parameter, Bytes payload);

struct BulkData {
  std::vector<Column> columns;
  std::vector<std::vector<Value>> rows;
};
Result<BulkData> parse_bulk(Bytes payload, std::uint32_t version);

}  // namespace holdfast::sqlnode
