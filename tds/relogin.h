// The LOGIN7 that a server gets for a client's session: the client's own, with SESSIONRECOVERY as the operator
// wants it, and after a loss with what the session has come to. Pure; the session's driver asks for it at each
// attempt.
#pragma once

#include "conf/snapshot.h"
#include "tds/conversation.h"
#include "tds/login7.h"

namespace holdfast::tds {

/// `again`: what the conversation knows, null at the first login.
Login7 login_for_server(const Login7& client, conf::SessionRecovery setting,
                        const Conversation::Relogin* again);

}  // namespace holdfast::tds
