// Any bytes as a client's RPC or transaction request. Input: one octet of flags, then the payload behind
// ALL_HEADERS. What is read lies inside the payload, in order; a call alone reads as it did among others.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "tds/login7.h"
#include "tds/rpc.h"

using namespace holdfast;
using namespace holdfast::tds;

namespace {

bool inside(Bytes part, Bytes whole) {
  return part.empty() ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void look_at(const RpcParameter& parameter, Bytes payload) {
  CHECK(inside(parameter.name, payload) && inside(parameter.plp, payload) &&
        inside(parameter.type.collation, payload));
  std::string scratch;
  const auto text = text_of(parameter, scratch);
  if (!parameter.value) {
    CHECK(!text && !int_of(parameter) && parameter.value_at == 0);
    return;
  }
  CHECK(inside(*parameter.value, payload));
  if (!parameter.value->empty())
    CHECK(payload.substr(parameter.value_at, parameter.value->size()) == *parameter.value);
  if (text) CHECK(text->size() <= payload.size() && text->starts_with(*parameter.value));
  CHECK(parameter.plp_split != parameter.plp.empty());
}

void look_at(const std::vector<RpcCall>& calls, Bytes payload, std::uint32_t version) {
  CHECK(!calls.empty() && calls.size() <= rpc_calls_max);
  std::size_t from = 0;
  for (const RpcCall& call : calls) {
    CHECK(call.begin == from && call.end > call.begin && call.end <= payload.size());
    from = call.end + 1;
    for (const RpcParameter& parameter : call.parameters) look_at(parameter, payload);
    const auto alone = parse_rpc(payload.substr(call.begin, call.end - call.begin), version);
    CHECK(alone && alone->size() == 1 && alone->front().parameters.size() == call.parameters.size());
    CHECK(alone->front().proc == call.proc && alone->front().name == call.name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::uint32_t version = (data[0] & 1) != 0 ? tds_version::v7_1 : tds_version::v7_4;
  const Bytes payload(reinterpret_cast<const char*>(data + 1), size - 1);
  if (const auto calls = parse_rpc(payload, version)) look_at(*calls, payload, version);
  if (const auto request = parse_transaction_request(payload))
    CHECK(!request->begins || request->kind == TmKind::Begin || request->kind == TmKind::Commit ||
          request->kind == TmKind::Rollback);
  return 0;
}
