// Our own reading of a head: one pass over its bytes that fills the message and refuses what RFC 9110
// and RFC 9112 forbid, or leave to be read in two ways. It is independent of llhttp on purpose;
// parser.cpp holds the two readings against each other.
#pragma once

#include "proxy/http/message.h"
#include "proxy/http/parser.h"

namespace holdfast::http {

/// A rule if the head is refused, null if it is not. The views of `head` point into `block`.
const Refusal* read_request(Bytes block, const ParseLimits& limits, RequestHead& head);
const Refusal* read_response(Bytes block, const ParseLimits& limits, bool to_head, ResponseHead& head);

}  // namespace holdfast::http
