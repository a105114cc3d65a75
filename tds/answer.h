// Answers that Holdfast gives in the server's place, as whole response payloads, and the numbers it uses.
// The choice of numbers follows what drivers retry by themselves: 1205 is retried by every client that
// retries anything, the others below are told apart on purpose.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast::tds {

namespace answer_number {
inline constexpr std::uint32_t rolled_back = 1205;       ///< class 13: deadlock victim; retry the transaction
inline constexpr std::uint32_t unavailable = 40613;      ///< class 20: not available now; nothing was run
inline constexpr std::uint32_t unknown_outcome = 50701;  ///< class 20, ours: may be done; nobody retries it
inline constexpr std::uint32_t session_lost = 50702;     ///< class 20, ours: idle, but it cannot be rebuilt
inline constexpr std::uint32_t denied = 50703;           ///< class 16, ours: a guard rule
inline constexpr std::uint32_t limited = 50704;          ///< class 20, ours: a limit on logins
}  // namespace answer_number

/// ERROR 1205, ENVCHANGE 10 for `descriptor` unless it is 0, DONE with ERROR. The connection lives. `rpc`:
/// DONEPROC at the end.
std::string rolled_back_answer(std::uint32_t version, std::uint64_t descriptor, std::string_view why,
                               bool rpc);
/// A rollback that was asked for: ENVCHANGE 10 and DONE.
std::string rollback_done_answer(std::uint32_t version, std::uint64_t descriptor);
/// ERROR with `number`, `severity`, and DONE with ERROR; from class 20 on with SRVERROR, too. `why` in UTF-8,
/// one sentence.
std::string error_answer(std::uint32_t version, std::uint32_t number, std::uint8_t severity,
                         std::string_view why);
/// What an attention gets: DONE with ATTN (2.2.1.7).
std::string attention_answer(std::uint32_t version);

}  // namespace holdfast::tds
