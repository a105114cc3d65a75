// FeatureExt (MS-TDS 2.2.6.4), the list at the end of a LOGIN7: (id, 32-bit length, data)*, then FF.
// Of use to login7.cpp; everybody else sees Login7::features.
#pragma once

#include <string>
#include <vector>

#include "tds/login7.h"

namespace holdfast::tds {

/// `data` begins with the list and may go on after it. A list that does not end, one of more than
/// features_max or with an id twice is an error.
Result<std::vector<FeatureOption>> parse_features(Bytes data);
/// With the terminator.
void append_features(std::string& out, const std::vector<FeatureOption>& features);

}  // namespace holdfast::tds
