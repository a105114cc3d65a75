#include "proxy/service.h"

namespace holdfast {

void Service::publish(const ServiceView& view) {
  view_ = view;
  // Watchers come and go while they are told: take everybody over, and put each back before its turn.
  List<ServiceWatcher> waiting;
  while (ServiceWatcher* w = watchers_.pop_front()) waiting.push_back(*w);
  while (ServiceWatcher* w = waiting.pop_front()) {
    watchers_.push_back(*w);
    w->on_service_changed(*this);
  }
}

std::string_view name_of(Evidence evidence) {
  switch (evidence) {
    case Evidence::Refused: return "refused";
    case Evidence::Unreachable: return "unreachable";
    case Evidence::ConnectTimeout: return "connect-timeout";
    case Evidence::Reset: return "reset";
    case Evidence::ResponseTimeout: return "response-timeout";
    case Evidence::BadResponse: return "bad-response";
    case Evidence::GoingAway: return "going-away";
    case Evidence::Tls: return "tls";
    case Evidence::SqlRole: return "sql-role";
    case Evidence::Success: return "success";
  }
  return "?";
}

}  // namespace holdfast
