// A directive's value as text, the way it is written in a file: for `check --diff`. A header's value is
// not shown, for it may be a secret.
#pragma once

#include <string>

#include "conf/schema.h"

namespace holdfast::conf {

/// Empty if the directive is not set.
std::string show(const Directive& row, const Slot& slot);

}  // namespace holdfast::conf
