#include "proxy/io/io.h"

namespace holdfast::io {

std::string_view name_of(Fault fault) {
  switch (fault) {
    case Fault::Refused: return "refused";
    case Fault::Reset: return "reset";
    case Fault::TimedOut: return "timed-out";
    case Fault::Unreachable: return "unreachable";
    case Fault::NoResources: return "no-resources";
    case Fault::Tls: return "tls";
    case Fault::Protocol: return "protocol";
    case Fault::Other: return "other";
  }
  return "other";
}

}  // namespace holdfast::io
