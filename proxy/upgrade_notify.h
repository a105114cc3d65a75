// Tells the service manager what the process is doing: the sd_notify protocol, one datagram a message, if
// the manager asked for it by NOTIFY_SOCKET. It never fails: a manager that is gone cannot be told.
#pragma once

#include <string_view>

namespace holdfast {

/// "READY=1", "STOPPING=1", "MAINPID=123"; several lines are one message.
void notify_manager(std::string_view message);
/// Says RELOADING=1 with the clock that the manager wants beside it.
void notify_reloading();

}  // namespace holdfast
