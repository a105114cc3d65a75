// Requests of our own, and the transaction manager's.
#include "tds/all_headers.h"
#include "tds/login7.h"
#include "tds/rpc.h"

namespace holdfast::tds {

namespace {

constexpr std::size_t nvarchar_bytes_max = 8000;

std::unexpected<Error> bad(const char* what) { return fail(Blame::Client, what); }

void begin_request(std::string& out, std::uint32_t version, std::uint64_t descriptor) {
  if (tds_version::has_all_headers(version)) append_all_headers(out, descriptor);
}

// A statement without parameters has a null declaration.
void append_null_text(std::string& out) {
  LittleWriter(out).u8(0).u8(0);
  append_nvarchar_type(out, nvarchar_bytes_max);
  LittleWriter(out).u16(0xffff);
}

// NVARCHAR if it fits; else in one chunk, or as NTEXT where there are no chunks.
void append_text(std::string& out, std::uint32_t version, Bytes utf16) {
  LittleWriter to(out);
  const auto size = static_cast<std::uint32_t>(utf16.size());
  to.u8(0).u8(0);  // no name, by value
  if (utf16.size() <= nvarchar_bytes_max) {
    append_nvarchar_type(out, nvarchar_bytes_max);
    to.u16(static_cast<std::uint16_t>(size)).bytes(utf16);
  } else if (tds_version::has_all_headers(version)) {
    append_nvarchar_type(out, 0);
    to.u64(size).u32(size).bytes(utf16).u32(0);
  } else {
    std::string type;
    append_nvarchar_type(type, nvarchar_bytes_max);
    to.u8(0x63).u32(size).bytes(Bytes(type).substr(3)).u32(size).bytes(utf16);  // with NVARCHAR's collation
  }
}

// After a commit or rollback: the isolation level and name of what is begun.
bool read_begin(LittleReader& in, TmRequest& request) {
  request.isolation = in.u8().value_or(0);
  const auto name = in.u8();
  if (name) in.bytes(*name);
  return !in.failed();
}

Result<TmRequest> read_end(LittleReader& in, TmKind kind) {
  const auto name = in.u8();
  if (name) in.bytes(*name);
  const auto flags = in.u8();
  if (!flags) return bad("TDS: a transaction request is cut off");
  TmRequest request{kind, (*flags & 1) != 0};
  if (request.begins && !read_begin(in, request)) return bad("TDS: a transaction request is cut off");
  return request;
}

}  // namespace

Result<TmRequest> parse_transaction_request(Bytes payload) {
  LittleReader in(payload);
  const auto type = in.u16();
  if (!type) return bad("TDS: a transaction request is cut off");
  const TmKind kind{*type};
  switch (kind) {
    case TmKind::GetDtcAddress:
    case TmKind::Propagate:
    case TmKind::Promote:
    case TmKind::Save: return TmRequest{kind, false};
    case TmKind::Begin: {
      TmRequest request{kind, true};
      if (!read_begin(in, request)) return bad("TDS: a transaction request is cut off");
      return request;
    }
    case TmKind::Commit:
    case TmKind::Rollback: return read_end(in, kind);
  }
  return bad("TDS: a transaction request of an unknown kind");
}

std::string build_batch(std::uint32_t version, std::string_view utf8_text, std::uint64_t descriptor) {
  std::string out;
  begin_request(out, version, descriptor);
  out += to_utf16(utf8_text);
  return out;
}

std::string build_prepare(std::uint32_t version, Bytes declaration, Bytes statement,
                          std::uint64_t descriptor) {
  std::string out;
  begin_request(out, version, descriptor);
  LittleWriter to(out);
  to.u16(0xffff).u16(static_cast<std::uint16_t>(ProcId::Prepare)).u16(0);
  to.u8(0).u8(1);  // @handle: by reference, null
  append_int_type(out);
  to.u8(0);
  declaration.empty() ? append_null_text(out) : append_text(out, version, declaration);
  append_text(out, version, statement);
  to.u8(0).u8(0);  // @options: describe the columns, which every driver asks for
  append_int_type(out);
  to.u8(4).u32(1);
  return out;
}

}  // namespace holdfast::tds
