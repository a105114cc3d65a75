#include "proxy/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "holdfast: invariant broken: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

}  // namespace holdfast
