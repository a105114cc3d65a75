// A look at a file's text before the TOML library sees it: is it UTF-8, without control bytes, and is all
// that is not ASCII inside quotes or comments? The library says so too late, or without a place, or not at
// all. Pure: it knows quotes and comments (TOML 1.0.0), no names and no values.
#pragma once

#include <string>
#include <string_view>

#include "conf/tree.h"

namespace holdfast::conf {

struct Refusal {
  std::string error;  ///< empty: none
  Place place;
};

/// The first character that cannot stand where it does, and the remedy.
Refusal refused_character(std::string_view text);

}  // namespace holdfast::conf
