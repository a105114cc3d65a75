// What a new binary is told by the old one: who is active, who is drained, who is up. Lines of fields
// separated by tabs, the first naming the format; ages instead of instants, so that the two processes need
// not share a clock's origin. Pure. The text comes from a process of our own, yet is read strictly.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/control_service.h"

namespace holdfast {

std::string write_memories(const std::vector<ServiceMemory>& services, Instant now);
/// All or nothing.
Result<std::vector<ServiceMemory>> read_memories(std::string_view text, Instant now);

}  // namespace holdfast
