// CHECK: an invariant that no input can break. It is on in every build; a failure aborts, because a
// process that is wrong about itself must not go on answering for the virtual IP.
#pragma once

namespace holdfast {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace holdfast

#define CHECK(expression) \
  (static_cast<bool>(expression) ? void(0) : ::holdfast::check_failed(#expression, __FILE__, __LINE__))
