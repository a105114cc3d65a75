#include "tds/rpc.h"

#include <algorithm>
#include <array>

#include "tds/login7.h"

namespace holdfast::tds {

namespace {

constexpr std::uint16_t by_number = 0xffff;
constexpr std::uint8_t encrypted = 0x08;
constexpr std::uint8_t batch_flag = 0xff, batch_flag_before_7_2 = 0x80, no_exec_flag = 0xfe;
constexpr std::size_t name_bytes_max = 1046;  // "no more than" (2.2.6.6)

std::unexpected<Error> bad(const char* what) { return fail(Blame::Client, what); }

// In the order of ProcId, from 1.
constexpr std::array<std::string_view, 15> procedures = {
    "sp_cursor",          "sp_cursoropen",  "sp_cursorprepare", "sp_cursorexecute", "sp_cursorprepexec",
    "sp_cursorunprepare", "sp_cursorfetch", "sp_cursoroption",  "sp_cursorclose",   "sp_executesql",
    "sp_prepare",         "sp_execute",     "sp_prepexec",      "sp_prepexecrpc",   "sp_unprepare",
};
// System procedures are found under each of these, whatever the session's database is.
constexpr std::array<std::string_view, 5> owners = {"sys.", "dbo.", "master..", "master.sys.", "master.dbo."};

// Lower case; empty if it is not ASCII or longer than any name that is asked for.
std::string plain(Bytes utf16) {
  constexpr std::size_t longest = 40;
  std::string out;
  if (utf16.size() > 2 * longest) return out;
  for (std::size_t i = 0; i + 1 < utf16.size(); i += 2) {
    const char c = utf16[i];
    if (utf16[i + 1] != 0 || c <= ' ' || c > '~') return {};
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

ProcId proc_by_name(Bytes utf16) {
  const std::string name = plain(utf16);
  std::string_view bare = name;
  for (const std::string_view owner : owners)
    if (bare.starts_with(owner)) {
      bare.remove_prefix(owner.size());
      break;
    }
  const auto found = std::find(procedures.begin(), procedures.end(), bare);
  return found == procedures.end() ? ProcId::None
                                   : ProcId{static_cast<std::uint16_t>(found - procedures.begin() + 1)};
}

Status read_procedure(LittleReader& in, RpcCall& call) {
  const auto length = in.u16();
  if (!length) return bad("TDS: an RPC is cut off");
  if (*length == by_number) {
    const auto number = in.u16();
    if (!number || *number == 0 || *number > procedures.size())
      return bad("TDS: an RPC of an unknown number");
    call.proc = ProcId{*number};
  } else {
    const auto name = in.bytes(std::size_t{*length} * 2);
    if (!name || name->empty() || name->size() > name_bytes_max)
      return bad("TDS: an RPC without a proper name");
    call.name = *name;
    call.proc = proc_by_name(*name);
  }
  const auto flags = in.u16();
  if (!flags) return bad("TDS: an RPC is cut off");
  call.flags = *flags;
  return {};
}

Status read_plp(LittleReader& in, RpcParameter& parameter) {
  const auto plp = parse_plp(in);
  if (!plp) return std::unexpected(plp.error());
  if (plp->null) return {};
  parameter.value = plp->first;
  parameter.plp_split = plp->chunks > 1;
  if (parameter.plp_split) parameter.plp = plp->raw;
  return {};
}

Status read_value(LittleReader& in, RpcParameter& parameter) {
  if (parameter.type.kind == LengthKind::Plp) return read_plp(in, parameter);
  std::string unused;  // only a PLP value is joined
  const auto value = parse_value(in, parameter.type, unused);
  if (!value) return std::unexpected(value.error());
  parameter.value = *value;
  return {};
}

Result<RpcParameter> read_parameter(LittleReader& in, std::uint32_t version, const char* start) {
  RpcParameter parameter;
  const auto name = in.b_varchar();
  const auto status = in.u8();
  if (in.failed()) return bad("TDS: an RPC is cut off");
  if ((*status & encrypted) != 0) return bad("TDS: an encrypted parameter");
  parameter.name = *name;
  parameter.status = *status;
  const auto type = parse_type_info(in, version, TypeFrom::Client);
  if (!type) return std::unexpected(type.error());
  if (!*type) return bad("TDS: an RPC is cut off");
  parameter.type = **type;
  if (auto read = read_value(in, parameter); !read) return std::unexpected(read.error());
  if (parameter.value && !parameter.value->empty())
    parameter.value_at = static_cast<std::size_t>(parameter.value->data() - start);
  return parameter;
}

Result<std::vector<RpcCall>> read_calls(Bytes payload, std::uint32_t version) {
  const std::uint8_t separator = tds_version::has_all_headers(version) ? batch_flag : batch_flag_before_7_2;
  std::vector<RpcCall> calls;
  std::size_t parameters = 0;
  LittleReader in(payload);
  do {
    if (calls.size() == rpc_calls_max) return bad("TDS: too many RPCs in one message");
    RpcCall call;
    call.begin = in.at();
    if (auto read = read_procedure(in, call); !read) return std::unexpected(read.error());
    for (;;) {
      call.end = in.at();
      if (in.rest().empty()) break;
      const auto next = static_cast<std::uint8_t>(in.rest().front());
      if (next == separator || (next == no_exec_flag && separator == batch_flag)) {
        call.no_exec = in.u8() == no_exec_flag;
        break;
      }
      if (++parameters > rpc_parameters_max) return bad("TDS: an RPC has too many parameters");
      auto parameter = read_parameter(in, version, payload.data());
      if (!parameter) return std::unexpected(parameter.error());
      call.parameters.push_back(std::move(*parameter));
    }
    calls.push_back(std::move(call));
  } while (!in.rest().empty());  // a separator after the last call is ignored (2.2.6.6)
  return calls;
}

}  // namespace

// Types and values are read as if a server had sent them; here it was the client.
Result<std::vector<RpcCall>> parse_rpc(Bytes payload, std::uint32_t version) {
  auto calls = read_calls(payload, version);
  if (!calls) calls.error().blame = Blame::Client;
  return calls;
}

std::optional<Bytes> text_of(const RpcParameter& parameter, std::string& scratch) {
  const std::uint8_t type = parameter.type.type;
  const bool unicode = type == 0xe7 || type == 0xef || type == 0x63;  // NVARCHAR, NCHAR, NTEXT
  if (!unicode || !parameter.value) return std::nullopt;
  if (!parameter.plp_split) return parameter.value;
  scratch.clear();
  append_plp(scratch, parameter.plp);
  return Bytes(scratch);
}

std::optional<std::int32_t> int_of(const RpcParameter& parameter) {
  const bool integer = parameter.type.type == 0x26 || parameter.type.type == 0x38;  // INTN, INT4
  if (!integer || !parameter.value || parameter.value->size() != 4) return std::nullopt;
  return static_cast<std::int32_t>(*LittleReader(*parameter.value).u32());
}

}  // namespace holdfast::tds
