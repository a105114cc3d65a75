#include "tests/sim/io_contract_cases.h"
#include "tests/unit/proxy/io/uv_bench.h"

using namespace holdfast;
using namespace holdfast::io;

TEST_CASE("the libuv loop keeps the contract of the seam") {
  for (const contract::Case& one : contract::kCases) {
    DYNAMIC_SECTION(one.name) {
      contract::UvBench bench;
      one.run(bench);
    }
  }
}
