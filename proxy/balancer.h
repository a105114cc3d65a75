// Which instance an attempt goes to: pure functions of the published view and of this loop's own count
// of outstanding requests. Nothing is remembered between calls and nothing random is drawn; the
// caller passes a turn, which breaks ties.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "conf/snapshot.h"
#include "proxy/service_view.h"

namespace holdfast {

struct BalanceInput {
  conf::Mode mode = conf::Mode::ActiveStandby;
  std::span<const std::uint32_t> outstanding;  ///< per instance, this loop's; missing ones count as 0
  std::uint64_t avoid = 0;  ///< bit i: instance i failed this request before; taken only if no other is left
  int sticky = -1;  ///< from the client's cookie; -1: none
  std::uint32_t turn = 0;  ///< any number that moves on: equal instances take turns
};

/// Index of the instance, or -1 if nothing may be used now. Active-standby: the active one, whatever is
/// avoided or sticky. Balance: the sticky one while it is usable; else the least outstanding per weight
/// among all usable ones of weight above 0. Instances beyond the 64th cannot be avoided.
int choose(const ServiceView& view, const BalanceInput& input);

/// The cookie that pins a client to an instance: 16 hexadecimal digits, the same on every node and after
/// every restart, and telling a client neither name nor address.
std::string cookie_value(const conf::Service& service, std::size_t instance);
/// The instance that a Cookie field ("a=b; c=d", RFC 6265 section 4.2.1) pins to, or -1.
int sticky_instance(const conf::Service& service, std::string_view cookie_field);

}  // namespace holdfast
