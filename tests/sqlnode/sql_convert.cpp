#include <charconv>
#include <cmath>
#include <limits>

#include "tests/sqlnode/sql_dates.h"
#include "tests/sqlnode/sql_lex.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}
std::string shown(const Type& type) { return lower(type_text(type).substr(0, type_text(type).find('('))); }

[[noreturn]] void fail_conversion(const std::string& text, const Type& type) {
  fail(245,
       "Conversion failed when converting the varchar value '" + text + "' to data type " + shown(type) + ".",
       16, true);
}

std::int64_t integer_of(const Value& value, const Type& type) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
  double number = 0;
  if (const auto* text = std::get_if<std::string>(&value)) {
    std::int64_t whole = 0;
    const char* end = text->data() + text->size();
    auto [rest, error] = std::from_chars(text->data(), end, whole);
    if (error == std::errc() && rest == end) return whole;
    if (type.kind == Kind::Bit && (same(*text, "true") || same(*text, "false"))) return same(*text, "true");
    if (!parse_number(text->empty() ? "0" : *text, number)) fail_conversion(*text, type);
  } else if (const auto* blob = std::get_if<Blob>(&value)) {
    std::uint64_t bits = 0;
    for (unsigned char c : blob->bytes) bits = bits << 8 | c;
    return type.kind == Kind::Int ? static_cast<std::int32_t>(bits) : static_cast<std::int64_t>(bits);
  } else {
    number = std::get<double>(value);
  }
  if (!(std::fabs(number) < 9.3e18)) {
    fail(8115, "Arithmetic overflow error converting expression to data type " + shown(type) + ".", 16, true);
  }
  return static_cast<std::int64_t>(number);
}

std::int64_t bounded(std::int64_t value, const Type& type) {
  std::int64_t low = std::numeric_limits<std::int64_t>::min(),
               high = std::numeric_limits<std::int64_t>::max();
  if (type.kind == Kind::Bit) return value != 0;
  if (type.kind == Kind::TinyInt) low = 0, high = 255;
  if (type.kind == Kind::SmallInt) low = -32768, high = 32767;
  if (type.kind == Kind::Int)
    low = std::numeric_limits<std::int32_t>::min(), high = std::numeric_limits<std::int32_t>::max();
  if (value < low || value > high) {
    if (type.kind == Kind::Int)
      fail(8115, "Arithmetic overflow error converting expression to data type int.");
    fail(220, "Arithmetic overflow error for data type " + shown(type) +
                  ", value = " + std::to_string(value) + ".");
  }
  return value;
}

double number_of(const Value& value, const Type& type) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&value)) return *real;
  double number = 0;
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || !parse_number(*text, number)) {
    fail(8114, "Error converting data type varchar to " + shown(type) + ".", 16, true);
  }
  return number;
}

/// Decimals stay texts while they are only carried; a text with an exponent is made plain first.
std::string decimal_of(const Value& value, const Type& type) {
  std::string text;
  const auto* given = std::get_if<std::string>(&value);
  double number = number_of(value, type);
  if (given != nullptr && given->find_first_of("eE") == std::string::npos) {
    text = *given;
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    text = std::to_string(*integer);
  } else {
    char buffer[400];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, number, std::chars_format::fixed);
    text.assign(buffer, end);
  }
  std::string out = decimal_text(text, type.scale);
  std::size_t digits = 0;
  for (char c : out.substr(0, out.find('.'))) digits += c >= '0' && c <= '9';
  if (digits > 1 && digits > static_cast<std::size_t>(type.precision - type.scale)) {
    fail(8115, "Arithmetic overflow error converting numeric to data type numeric.", 16, false);
  }
  return out;
}

std::string guid_of(const Value& value) {
  if (const auto* blob = std::get_if<Blob>(&value)) {
    if (blob->bytes.size() < 16)
      fail(8169, "Conversion failed when converting from a character string to uniqueidentifier.");
    static constexpr int kOrder[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    std::string bytes;
    for (int i : kOrder) bytes += blob->bytes[static_cast<std::size_t>(i)];
    std::string digits = hex(bytes);
    for (std::size_t at : {8U, 13U, 18U, 23U}) digits.insert(at, "-");
    return digits;
  }
  std::string text = upper(text_of(value));
  if (text.size() == 38 && text[0] == '{') text = text.substr(1, 36);
  bool good = text.size() == 36;
  for (std::size_t i = 0; good && i < 36; ++i) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    good = dash ? text[i] == '-' : std::isxdigit(static_cast<unsigned char>(text[i])) != 0;
  }
  if (!good)
    fail(8169, "Conversion failed when converting from a character string to uniqueidentifier.", 16, true);
  return text;
}

std::string date_of(const Value& value, const Type& type) {
  Moment moment;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    moment.days = days_of(1900, 1, 1) + *integer;
  } else if (const auto* real = std::get_if<double>(&value)) {
    moment.days = days_of(1900, 1, 1) + static_cast<std::int64_t>(std::floor(*real));
    moment.ticks = static_cast<std::int64_t>((*real - std::floor(*real)) * 864e9);
  } else if (!std::holds_alternative<std::string>(value) ||
             !parse_moment(std::get<std::string>(value), moment)) {
    fail(241, "Conversion failed when converting date and/or time from character string.", 16, true);
  }
  return moment_text(moment, type);
}

Blob binary_of(const Value& value, const Type& type, int style) {
  Blob blob;
  if (const auto* given = std::get_if<Blob>(&value)) {
    blob = *given;
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    int width = type.kind == Kind::Binary && type.length != 0     ? static_cast<int>(type.length)
                : *integer == static_cast<std::int32_t>(*integer) ? 4
                                                                  : 8;
    for (int i = width - 1; i >= 0; --i) {
      blob.bytes += i >= 8 ? '\0' : static_cast<char>(*integer >> (8 * i));
    }
  } else {
    std::string text = text_of(value);
    if (style == 1 && text.starts_with("0x"))
      blob.bytes = unhex(text.substr(2));
    else if (style == 2)
      blob.bytes = unhex(text);
    else
      blob.bytes = text;
  }
  return blob;
}

std::string styled(const Value& value, const Type& type, int style) {
  if (const auto* blob = std::get_if<Blob>(&value)) {
    if (style == 1) return "0x" + hex(blob->bytes);
    return style == 2 ? hex(blob->bytes) : blob->bytes;
  }
  Moment moment;
  if (style != 0 && std::holds_alternative<std::string>(value) &&
      parse_moment(std::get<std::string>(value), moment)) {
    return styled_text(moment, style, type);
  }
  return text_of(value);
}

Value text_as(const Value& value, const Type& type, int style, bool store) {
  std::string text = styled(value, type, style);
  bool fixed = type.kind == Kind::Char || type.kind == Kind::NChar;
  if (type.length == 0 || !(fixed || type.kind == Kind::VarChar || type.kind == Kind::NVarChar)) return text;
  if (text.size() <= type.length && !fixed) return text;
  std::size_t units = utf16_length(text);
  if (units > type.length) {
    if (store && text.find_last_not_of(' ') >= type.length) {
      fail(2628, "String or binary data would be truncated. Truncated value: '" +
                     utf16_prefix(text, type.length) + "'.");
    }
    text = utf16_prefix(text, type.length);
  } else if (fixed) {
    text.append(type.length - units, ' ');
  }
  return text;
}

}  // namespace

std::string decimal_text(const std::string& number, int scale) {
  std::size_t first = number.find_first_not_of(' ');
  std::string text =
      first == std::string::npos ? "0" : number.substr(first, number.find_last_not_of(' ') - first + 1);
  bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') text.erase(0, 1);
  std::size_t point = text.find('.');
  std::string whole = text.substr(0, point), part = point == std::string::npos ? "" : text.substr(point + 1);
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  auto wanted = static_cast<std::size_t>(scale);
  bool round_up = part.size() > wanted && part[wanted] >= '5';
  part.resize(wanted, '0');
  std::string digits = whole + part;
  if (round_up) {
    std::size_t at = digits.size();
    while (at > 0 && digits[at - 1] == '9') digits[--at] = '0';
    if (at > 0)
      ++digits[at - 1];
    else
      digits.insert(0, "1");
  }
  if (digits.size() <= wanted) digits.insert(0, wanted + 1 - digits.size(), '0');
  std::string out = digits.substr(0, digits.size() - wanted);
  if (wanted > 0) out += "." + digits.substr(digits.size() - wanted);
  return negative && out.find_first_not_of("0.") != std::string::npos ? "-" + out : out;
}

std::string text_of(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* blob = std::get_if<Blob>(&value)) return blob->bytes;
  if (const auto* real = std::get_if<double>(&value)) {
    char buffer[64];
    auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, *real);
    return {buffer, end};
  }
  return "";
}

Value convert(const Value& value, const Type& type, int style, bool store) {
  if (std::holds_alternative<std::monostate>(value) || type.kind == Kind::Variant) return value;
  if (is_integer(type.kind)) return bounded(integer_of(value, type), type);
  if (type.kind == Kind::Real) return static_cast<double>(static_cast<float>(number_of(value, type)));
  if (type.kind == Kind::Float) return number_of(value, type);
  if (type.kind == Kind::Decimal || type.kind == Kind::Money) return decimal_of(value, type);
  if (type.kind == Kind::UniqueIdentifier) return guid_of(value);
  if (is_date(type.kind)) return date_of(value, type);
  if (!is_binary(type.kind)) return text_as(value, type, style, store);
  Blob blob = binary_of(value, type, style);
  if (type.length != 0 && blob.bytes.size() > type.length) {
    if (store) fail(2628, "String or binary data would be truncated.");
    blob.bytes.resize(type.length);
  }
  if (type.kind == Kind::Binary) blob.bytes.resize(type.length, '\0');
  return blob;
}

}  // namespace holdfast::sqlnode
