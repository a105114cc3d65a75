#include "vrrp/fields.h"

#include <algorithm>

namespace holdfast::vrrp {
namespace {

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

// What this side says must pass the other side's reader, whatever an error text has in it.
void FieldWriter::line(const std::string& v) {
  std::string clean = v.substr(0, max_line);
  std::replace_if(clean.begin(), clean.end(), is_control, ' ');
  writer_.u16(static_cast<std::uint16_t>(clean.size())).bytes(clean);
}

void FieldReader::number(std::uint64_t& v) {
  std::uint32_t high = 0, low = 0;
  number(high);
  number(low);
  if (ok_) v = std::uint64_t{high} << 32 | low;
}

void FieldReader::number(std::int64_t& v) {
  std::uint64_t raw = 0;
  number(raw);
  if (ok_) v = static_cast<std::int64_t>(raw);
}

void FieldReader::flag(bool& v) {
  std::uint8_t raw = 0;
  number(raw);
  if (raw > 1) ok_ = false;
  if (ok_) v = raw == 1;
}

void FieldReader::name(std::string& v, std::size_t max, bool may_be_empty) {
  std::uint8_t size = 0;
  number(size);
  if (size > max || (size == 0 && !may_be_empty)) ok_ = false;
  if (ok_) take(reader_.bytes(size), v);
  printable(v);
}

void FieldReader::line(std::string& v) {
  std::uint16_t size = 0;
  number(size);
  if (size > max_line) ok_ = false;
  if (ok_) take(reader_.bytes(size), v);
  printable(v);
}

void FieldReader::text(std::string& v) {
  std::uint32_t size = 0;
  number(size);
  if (ok_) take(reader_.bytes(size), v);
}

void FieldReader::exactly(std::string& v, std::size_t size) {
  if (ok_) take(reader_.bytes(size), v);
}

void FieldReader::printable(const std::string& v) {
  if (std::any_of(v.begin(), v.end(), is_control)) ok_ = false;
}

}  // namespace holdfast::vrrp
