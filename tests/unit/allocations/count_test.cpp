#include "tests/unit/allocations/count.h"

#include <catch2/catch.hpp>
#include <cstdlib>

namespace holdfast::allocations {

thread_local bool counting = false;
thread_local unsigned long counted = 0;

}  // namespace holdfast::allocations

using holdfast::allocations::counted;
using holdfast::allocations::counting;

extern "C" {
void* __libc_malloc(std::size_t);  // NOLINT: the C library's own
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* malloc(std::size_t size) {
  counted += counting;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  counted += counting;
  return __libc_calloc(count, size);
}
void* realloc(void* block, std::size_t size) {
  counted += counting;
  return __libc_realloc(block, size);
}
}

TEST_CASE("allocations: the count sees one") {
  counted = 0;
  counting = true;
  std::free(std::malloc(10));
  counting = false;
  CHECK(counted == 1);
}
