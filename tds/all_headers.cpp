#include "tds/all_headers.h"

#include "tds/little.h"

namespace holdfast::tds {

namespace {

constexpr std::uint16_t transaction_header = 2;
constexpr std::uint32_t transaction_header_size = 4 + 2 + 8 + 4;

std::unexpected<Error> refuse(const char* what) {
  return fail(Blame::Client, std::string("ALL_HEADERS: ") + what);
}

// What nearly every request has; `size` 0: it has more, or something else.
AllHeaders only_transaction_header(Bytes payload) {
  AllHeaders out;
  constexpr std::uint32_t total = 4 + transaction_header_size;
  const char* const at = payload.data();
  if (payload.size() < total || load_little<std::uint32_t>(at) != total) return out;
  if (load_little<std::uint32_t>(at + 4) != transaction_header_size) return out;
  if (load_little<std::uint16_t>(at + 8) != transaction_header) return out;
  out.size = total;
  out.has_transaction = true;
  out.descriptor_at = 4 + 4 + 2;
  out.descriptor = load_little<std::uint64_t>(at + out.descriptor_at);
  out.outstanding = load_little<std::uint32_t>(at + out.descriptor_at + 8);
  return out;
}

}  // namespace

Result<AllHeaders> parse_all_headers(Bytes payload) {
  if (const AllHeaders usual = only_transaction_header(payload); usual.size != 0) return usual;
  const auto total = LittleReader(payload).u32();
  if (!total) return refuse("cut short");
  if (*total < 4 || *total > all_headers_max || *total > payload.size())
    return refuse("a length that cannot be");
  AllHeaders out;
  out.size = *total;
  LittleReader in(payload.substr(0, *total));
  (void)in.u32();
  while (!in.rest().empty()) {
    const auto length = in.u32();
    const auto type = in.u16();
    if (!type || *length < 6) return refuse("a header is cut short");
    const std::size_t data_at = in.at();
    const auto data = in.bytes(*length - 6);
    if (!data) return refuse("a header is longer than the whole");
    if (*type != transaction_header) continue;
    if (out.has_transaction) return refuse("two transaction headers");
    if (*length != transaction_header_size) return refuse("a transaction header of a wrong length");
    LittleReader fields(*data);
    out.has_transaction = true;
    out.descriptor_at = data_at;
    out.descriptor = fields.u64().value_or(0);
    out.outstanding = fields.u32().value_or(1);
  }
  return out;
}

void append_all_headers(std::string& out, std::uint64_t descriptor, std::uint32_t outstanding) {
  LittleWriter(out)
      .u32(4 + transaction_header_size)
      .u32(transaction_header_size)
      .u16(transaction_header)
      .u64(descriptor)
      .u32(outstanding);
}

}  // namespace holdfast::tds
