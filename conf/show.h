// A directive's value as text, the way it is written in a file: for `check --diff`. A secret is
// not shown, nor is a header's value, for it may be one.
#pragma once

#include <string>

#include "conf/schema.h"

namespace holdfast::conf {

/// Empty if the directive is not set.
std::string show(const Directive& row, const Slot& slot);

}  // namespace holdfast::conf
