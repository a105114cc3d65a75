#include "tds/rpc_front.h"

#include "tds/little.h"

namespace holdfast::tds {

namespace {

constexpr std::uint16_t by_number = 0xffff;
constexpr std::uint16_t last_proc = static_cast<std::uint16_t>(ProcId::Unprepare);
constexpr std::size_t parameters_wanted = 3;  // handle, declaration, statement

// A parameter that is whole; false: it is not, or is of a kind that is not looked for.
bool read_parameter(LittleReader& in, Bytes front, std::uint32_t version, RpcParameter& out) {
  const auto name = in.b_varchar();
  const auto status = in.u8();
  if (!name || !status) return false;
  out.name = *name;
  out.status = *status;
  const auto type = parse_type_info(in, version);
  if (!type || !*type) return false;
  out.type = **type;
  std::string scratch;
  const auto value = parse_value(in, out.type, scratch);
  if (!value) return false;
  if (!*value) return true;
  const bool view = (*value)->data() >= front.data() && (*value)->data() <= front.data() + front.size();
  if (!view) return false;
  out.value = **value;
  out.value_at = static_cast<std::size_t>((*value)->data() - front.data());
  return true;
}

}  // namespace

Result<std::vector<RpcCall>> parse_rpc_front(Bytes front, std::uint32_t version) {
  LittleReader in(front);
  RpcCall call;
  const auto length = in.u16();
  std::optional<std::uint16_t> number;
  if (length && *length == by_number) {
    number = in.u16();
    if (number && *number != 0 && *number <= last_proc) call.proc = static_cast<ProcId>(*number);
  } else if (length) {
    const auto name = in.bytes(std::size_t{*length} * 2);
    if (name) call.name = *name;
  }
  const auto flags = in.u16();
  if (!flags || (call.proc == ProcId::None && call.name.empty()))
    return fail(Blame::Client, "TDS: an RPC whose procedure cannot be read");
  call.flags = *flags;
  while (call.parameters.size() < parameters_wanted) {
    RpcParameter parameter;
    if (!read_parameter(in, front, version, parameter)) break;
    call.parameters.push_back(parameter);
  }
  call.end = front.size();
  return std::vector<RpcCall>{call};
}

}  // namespace holdfast::tds
