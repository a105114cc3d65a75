// Every reason for which a message is refused, by its stable name. The names appear in the access
// log, in metrics and in the tests, so a rule may be added but not renamed. Statuses are those for a
// request; a refused response is always answered with 502.
#pragma once

#include "proxy/http/parser.h"

namespace holdfast::http::rules {

// Lines and bytes.
inline constexpr Refusal incomplete{400, "incomplete", "RFC 9112 section 2.2"};
inline constexpr Refusal empty_start_line{400, "empty-start-line", "RFC 9112 section 2.2"};
inline constexpr Refusal bare_cr{400, "bare-cr", "RFC 9112 section 2.2"};
inline constexpr Refusal bare_lf{400, "bare-lf", "RFC 9112 section 2.2"};
inline constexpr Refusal control_byte{400, "control-byte", "RFC 9110 section 5.5"};
inline constexpr Refusal line_too_long{414, "line-too-long", "RFC 9112 section 3"};
inline constexpr Refusal head_too_large{431, "head-too-large", "RFC 6585 section 5"};
inline constexpr Refusal too_many_fields{431, "too-many-fields", "RFC 6585 section 5"};

// Start lines.
inline constexpr Refusal bad_method{400, "bad-method", "RFC 9110 section 9.1"};
inline constexpr Refusal connect{501, "connect", "RFC 9110 section 9.3.6"};
inline constexpr Refusal bad_target{400, "bad-target", "RFC 9112 section 3.2"};
inline constexpr Refusal bad_version{505, "bad-version", "RFC 9112 section 2.3"};
inline constexpr Refusal bad_status_line{502, "bad-status-line", "RFC 9112 section 4"};

// Fields.
inline constexpr Refusal obs_fold{400, "obs-fold", "RFC 9112 section 5.2"};
inline constexpr Refusal empty_name{400, "empty-name", "RFC 9110 section 5.1"};
inline constexpr Refusal space_in_name{400, "space-in-name", "RFC 9112 section 5.1"};
inline constexpr Refusal bad_name{400, "bad-name", "RFC 9110 section 5.1"};
inline constexpr Refusal missing_colon{400, "missing-colon", "RFC 9112 section 5"};
inline constexpr Refusal bad_connection{400, "bad-connection", "RFC 9110 section 7.6.1"};
inline constexpr Refusal bad_expect{417, "bad-expect", "RFC 9110 section 10.1.1"};

// Host.
inline constexpr Refusal missing_host{400, "missing-host", "RFC 9112 section 3.2"};
inline constexpr Refusal repeated_host{400, "repeated-host", "RFC 9112 section 3.2"};
inline constexpr Refusal bad_host{400, "bad-host", "RFC 9110 section 7.2"};
inline constexpr Refusal host_mismatch{400, "host-mismatch", "RFC 9112 section 3.2.2"};

// Framing.
inline constexpr Refusal bad_length{400, "bad-length", "RFC 9110 section 8.6"};
inline constexpr Refusal repeated_length{400, "repeated-length", "RFC 9112 section 6.3"};
inline constexpr Refusal length_with_transfer_encoding{400, "length-with-transfer-encoding",
                                                       "RFC 9112 section 6.3"};
inline constexpr Refusal bad_transfer_encoding{400, "bad-transfer-encoding", "RFC 9112 section 6.1"};
inline constexpr Refusal transfer_encoding_on_10{400, "transfer-encoding-on-1.0", "RFC 9112 section 6.1"};
inline constexpr Refusal body_on_bodiless{502, "body-on-bodiless", "RFC 9112 section 6.1"};
inline constexpr Refusal framing_disagreement{400, "framing-disagreement", "RFC 9112 section 6.3"};
inline constexpr Refusal field_disagreement{400, "field-disagreement", "RFC 9112 section 5"};

// Bodies.
inline constexpr Refusal bad_chunk_size{400, "bad-chunk-size", "RFC 9112 section 7.1"};
inline constexpr Refusal chunk_extension_too_long{400, "chunk-extension-too-long", "RFC 9112 section 7.1.1"};
inline constexpr Refusal bad_chunk_extension{400, "bad-chunk-extension", "RFC 9112 section 7.1.1"};
inline constexpr Refusal bad_chunk_end{400, "bad-chunk-end", "RFC 9112 section 7.1"};
inline constexpr Refusal bad_trailer{400, "bad-trailer", "RFC 9112 section 7.1.2"};
inline constexpr Refusal trailer_too_large{431, "trailer-too-large", "RFC 9112 section 7.1.2"};

}  // namespace holdfast::http::rules
