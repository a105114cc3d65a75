#include "conf/load.h"
#include "conf/tree.h"

namespace holdfast::conf {

bool glance_has_vip(std::string_view text) {
  const Parsed parsed = parse(text);
  return parsed.error.empty() && parsed.root.member("vip") != nullptr;
}

}  // namespace holdfast::conf
