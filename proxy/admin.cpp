#include "proxy/admin.h"

#include <utility>

namespace holdfast {

void Admin::handover(std::string_view, bool, Later done) {
  done(fail(Blame::Operator, "this process has no virtual IP"));
}

void Admin::push(std::string, Later done) {
  done(fail(Blame::Operator, "this process has no virtual IP, and no other node to push to"));
}

void Admin::sql(const SqlCommand&, Later done) {
  done(fail(Blame::Operator, "this process relays no SQL"));
}

}  // namespace holdfast
