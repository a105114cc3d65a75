#include "tds/answer.h"

#include "tds/little.h"
#include "tds/login7.h"
#include "tds/token.h"

namespace holdfast::tds {

namespace {

constexpr std::string_view speaker = "holdfast";
constexpr std::uint8_t severity_deadlock = 13;  // "transaction deadlock errors" (MS-TDS 2.2.7.10)
constexpr std::uint8_t severity_fatal = 20;     // and above: the connection ends with it (2.2.7.10)

void append_error(std::string& out, std::uint32_t version, std::uint32_t number, std::uint8_t severity,
                  std::string_view why) {
  ServerMessage message;
  message.number = number;
  message.severity = severity;
  message.text = to_utf16(why);
  message.server = to_utf16(speaker);
  append_server_message(out, version, message);
}

// Descriptors and the kinds of ENVCHANGE that carry them came with 7.2 (2.2.7.9).
void append_rollback(std::string& out, std::uint32_t version, std::uint64_t descriptor) {
  if (descriptor == 0 || !tds_version::has_all_headers(version)) return;
  std::string eight;
  LittleWriter(eight).u64(descriptor);
  append_env_change(out, EnvKind::Rollback, {}, eight);
}

void append_end(std::string& out, std::uint32_t version, std::uint16_t status, Token token = Token::Done) {
  Done done;
  done.token = token;
  done.status = status;
  append_done(out, version, done);
}

}  // namespace

std::string rolled_back_answer(std::uint32_t version, std::uint64_t descriptor, std::string_view why,
                               bool rpc) {
  std::string out;
  append_error(out, version, answer_number::rolled_back, severity_deadlock, why);
  append_rollback(out, version, descriptor);
  append_end(out, version, done_status::error, rpc ? Token::DoneProc : Token::Done);
  return out;
}

std::string rollback_done_answer(std::uint32_t version, std::uint64_t descriptor) {
  std::string out;
  append_rollback(out, version, descriptor);
  append_end(out, version, 0);
  return out;
}

std::string error_answer(std::uint32_t version, std::uint32_t number, std::uint8_t severity,
                         std::string_view why) {
  std::string out;
  append_error(out, version, number, severity, why);
  // go-mssqldb tells by SRVERROR alone, and not by the class, that the connection is of no more use.
  append_end(out, version,
             severity < severity_fatal ? done_status::error : done_status::error | done_status::server_error);
  return out;
}

std::string attention_answer(std::uint32_t version) {
  std::string out;
  append_end(out, version, done_status::attention);
  return out;
}

}  // namespace holdfast::tds
