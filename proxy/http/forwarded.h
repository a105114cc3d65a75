// Who the client is, told to the instance: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239) and
// X-Request-Id. A client's own words on this are passed on only if it is a trusted forwarder; from
// anyone else they are dropped, in every spelling an application might read as the same name.
#pragma once

#include <string_view>

#include "proxy/http/appender.h"
#include "proxy/http/header_ops.h"
#include "proxy/http/message.h"
#include "proxy/http/serialise.h"

namespace holdfast::http {

/// A trusted client's X-Request-Id if it is 1 to 128 visible ASCII characters, else the generated one.
std::string_view choose_request_id(const RequestHead& head, const RequestContext& context);

/// Whether a client's field speaks of forwarding, and so is not copied. Fields that write_forwarded joins
/// with our own are always among them, and so is framing spelt with '_'.
bool is_forwarding_claim(const Field& field, bool trusted);

/// Appends our forwarding fields, joined to those of a trusted client, except what `ops` replaces.
void write_forwarded(const RequestHead& head, const RequestContext& context, std::string_view request_id,
                     const HeaderOps& ops, Appender& out);

}  // namespace holdfast::http
