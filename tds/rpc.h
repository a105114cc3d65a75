// Requests other than plain text: RPC (MS-TDS 2.2.6.6) and transaction manager requests (2.2.6.9). Read
// from a whole message; offsets tell where a prepared handle stands, because a relay may have to change its
// four bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "tds/type_info.h"

namespace holdfast::tds {

enum class ProcId : std::uint16_t {
  None = 0, Cursor = 1, CursorOpen = 2, CursorPrepare = 3, CursorExecute = 4, CursorPrepExec = 5,
  CursorUnprepare = 6, CursorFetch = 7, CursorOption = 8, CursorClose = 9,
  ExecuteSql = 10, Prepare = 11, Execute = 12, PrepExec = 13, PrepExecRpc = 14, Unprepare = 15,
};

struct RpcParameter {
  Bytes name;                      ///< UTF-16LE, with its @
  std::uint8_t status = 0;         ///< 1: by reference (output), 2: default value
  TypeInfo type;
  std::optional<Bytes> value;      ///< null: none. PLP values are whole only if in one chunk; else see plp
  bool plp_split = false;          ///< the value is in several chunks: `value` has the first
  Bytes plp;                       ///< if so: all of them with their lengths, for append_plp
  std::size_t value_at = 0;        ///< offset of the value's bytes in the payload; 0 if null
};

struct RpcCall {
  ProcId proc = ProcId::None;      ///< by number, or by the well-known name ("sp_executesql")
  Bytes name;                      ///< UTF-16LE; empty if called by number
  std::uint16_t flags = 0;
  bool no_exec = false;            ///< the separator after it says that it is not to be run
  std::vector<RpcParameter> parameters;
  std::size_t begin = 0, end = 0;  ///< of the call in the payload, its separator not included
};

inline constexpr std::size_t rpc_calls_max = 1024, rpc_parameters_max = 4096;

/// `payload` is the whole message's after ALL_HEADERS; views point into it. Offsets count from its start. A
/// type that is not understood (an encrypted parameter too) is an error: the caller then knows nothing
/// about the call. Enclave packages (column encryption 2 and later) are not looked for; with them
/// acknowledged this must not be asked.
Result<std::vector<RpcCall>> parse_rpc(Bytes payload, std::uint32_t version);

/// A text parameter's value (NVARCHAR, NTEXT of 7.1) as UTF-16LE, chunks joined into `scratch`.
std::optional<Bytes> text_of(const RpcParameter& parameter, std::string& scratch);
/// INTN(4): the value of a handle. Nullopt if null or of another type.
std::optional<std::int32_t> int_of(const RpcParameter& parameter);

enum class TmKind : std::uint16_t {
  GetDtcAddress = 0, Propagate = 1, Begin = 5, Promote = 6, Commit = 7, Rollback = 8, Save = 9,
};
struct TmRequest {
  TmKind kind{};
  bool begins = false;             ///< Begin, and Commit or Rollback that begin a new one at once
  std::uint8_t isolation = 0;      ///< of what it begins, and of the session from then on; 0: as it is
};
/// `payload` after ALL_HEADERS.
Result<TmRequest> parse_transaction_request(Bytes payload);

// Our own requests: whole payloads, ALL_HEADERS included where the version has them.
std::string build_batch(std::uint32_t version, std::string_view utf8_text, std::uint64_t descriptor = 0);
/// sp_prepare with its handle output, parameter declaration and statement, both UTF-16LE.
std::string build_prepare(std::uint32_t version, Bytes declaration, Bytes statement,
                          std::uint64_t descriptor = 0);

}  // namespace holdfast::tds
