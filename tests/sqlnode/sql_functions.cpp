#include "tests/sqlnode/sql_functions.h"

#include <sys/random.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tests/sqlnode/sql_dates.h"
#include "tests/sqlnode/sql_type.h"

namespace holdfast::sqlnode {
namespace {

using Values = std::vector<Value>;

std::int64_t whole(const Value& value) {
  return std::get<std::int64_t>(convert(value, make_type(Kind::BigInt)));
}
double real(const Value& value) { return std::get<double>(convert(value, make_type(Kind::Float))); }
Moment moment(const Value& value) {
  Moment out;
  std::string text = std::holds_alternative<std::string>(value)
                         ? std::get<std::string>(value)
                         : std::get<std::string>(convert(value, make_type(Kind::DateTime)));
  if (!parse_moment(text, out))
    fail(241, "Conversion failed when converting date and/or time from character string.", 16, true);
  return out;
}
Value same_kind(const Value& like, double number) {
  return std::holds_alternative<std::int64_t>(like) ? Value(static_cast<std::int64_t>(number))
                                                    : Value(number);
}

Value len(const Values& a) {
  std::string text = text_of(a[0]);
  if (std::holds_alternative<Blob>(a[0])) return static_cast<std::int64_t>(text.size());
  return static_cast<std::int64_t>(utf16_length(text.substr(0, text.find_last_not_of(' ') + 1)));
}
Value data_length(const Values& a) {
  if (std::holds_alternative<std::int64_t>(a[0])) return std::int64_t{4};
  if (std::holds_alternative<double>(a[0])) return std::int64_t{8};
  std::string text = text_of(a[0]);
  bool bytes = std::holds_alternative<Blob>(a[0]) || (a.size() > 1 && whole(a[1]) == 1);
  return static_cast<std::int64_t>(bytes ? text.size() : utf16_length(text) * 2);
}
Value substring(const Values& a) {
  std::int64_t start = whole(a[1]), count = whole(a[2]);
  if (count < 0) fail(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.");
  if (start < 1) count += start - 1, start = 1;
  if (count <= 0) return std::holds_alternative<Blob>(a[0]) ? Value(Blob{}) : Value(std::string());
  if (const auto* blob = std::get_if<Blob>(&a[0])) {
    auto at = std::min(static_cast<std::size_t>(start - 1), blob->bytes.size());
    return Blob{blob->bytes.substr(at, static_cast<std::size_t>(count))};
  }
  std::string text = text_of(a[0]);
  std::string before = utf16_prefix(text, static_cast<std::size_t>(start - 1));
  return utf16_prefix(text.substr(before.size()), static_cast<std::size_t>(count));
}
Value left(const Values& a) { return substring({a[0], Value(std::int64_t{1}), a[1]}); }
Value right(const Values& a) {
  auto length = static_cast<std::int64_t>(utf16_length(text_of(a[0]))), count = std::min(whole(a[1]), length);
  return substring({a[0], Value(length - count + 1), Value(count)});
}
Value char_index(const Values& a) {
  std::string what = upper(text_of(a[0])), in = text_of(a[1]);
  std::int64_t start = a.size() > 2 ? std::max<std::int64_t>(whole(a[2]), 1) : 1;
  std::size_t from = utf16_prefix(in, static_cast<std::size_t>(start - 1)).size(),
              at = upper(in).find(what, from);
  if (what.empty() || at == std::string::npos) return std::int64_t{0};
  return static_cast<std::int64_t>(utf16_length(in.substr(0, at)) + 1);
}
Value replicate(const Values& a) {
  std::string text = text_of(a[0]), out;
  std::int64_t count = whole(a[1]);
  if (count < 0) return {};
  if (text.size() * static_cast<std::uint64_t>(count) > 64'000'000)
    fail(701, "There is insufficient system memory to run this query.");
  for (std::int64_t i = 0; i < count; ++i) out += text;
  return out;
}
Value space(const Values& a) { return replicate({Value(std::string(" ")), a[0]}); }
Value replace(const Values& a) {
  std::string text = text_of(a[0]), folded = upper(text), what = upper(text_of(a[1])), with = text_of(a[2]),
              out;
  if (what.empty()) return text;
  std::size_t at = 0;
  for (std::size_t hit = folded.find(what); hit != std::string::npos; hit = folded.find(what, at)) {
    out += text.substr(at, hit - at) + with;
    at = hit + what.size();
  }
  return out + text.substr(at);
}
Value to_upper(const Values& a) { return upper(text_of(a[0])); }
Value to_lower(const Values& a) {
  std::string text = text_of(a[0]);
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}
Value left_trim(const Values& a) {
  std::string text = text_of(a[0]);
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}
Value right_trim(const Values& a) {
  std::string text = text_of(a[0]);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}
Value trim(const Values& a) { return right_trim({left_trim(a)}); }
Value reverse(const Values& a) {
  std::string text = text_of(a[0]);
  std::reverse(text.begin(), text.end());
  return text;
}
Value concat(const Values& a) {
  std::string out;
  for (const Value& one : a) out += text_of(one);
  return out;
}
Value stuff(const Values& a) {
  std::string text = text_of(a[0]);
  std::string head = utf16_prefix(text, static_cast<std::size_t>(std::max<std::int64_t>(whole(a[1]) - 1, 0)));
  std::string gone = utf16_prefix(text.substr(head.size()), static_cast<std::size_t>(whole(a[2])));
  return head + text_of(a[3]) + text.substr(head.size() + gone.size());
}
Value ascii(const Values& a) {
  std::string text = text_of(a[0]);
  return text.empty() ? Value() : Value(static_cast<std::int64_t>(static_cast<unsigned char>(text[0])));
}
Value character(const Values& a) {
  std::int64_t code = whole(a[0]);
  if (code < 0 || code > 0xffff) return {};
  std::string out;
  if (code < 0x80)
    out += static_cast<char>(code);
  else if (code < 0x800)
    out = {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
  else
    out = {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 63)),
           static_cast<char>(0x80 | (code & 63))};
  return out;
}
Value quote_name(const Values& a) {
  std::string out = "[";
  for (char c : text_of(a[0])) out += c == ']' ? "]]" : std::string(1, c);
  return out + "]";
}

Value absolute(const Values& a) {
  if (const auto* n = std::get_if<std::int64_t>(&a[0])) return *n < 0 ? -*n : *n;
  return std::fabs(real(a[0]));
}
Value round(const Values& a) {
  double scale = std::pow(10.0, static_cast<double>(a.size() > 1 ? whole(a[1]) : 0)), number = real(a[0]);
  bool cut = a.size() > 2 && whole(a[2]) != 0;
  return same_kind(a[0], (cut ? std::trunc(number * scale) : std::round(number * scale)) / scale);
}
Value floor(const Values& a) { return same_kind(a[0], std::floor(real(a[0]))); }
Value ceiling(const Values& a) { return same_kind(a[0], std::ceil(real(a[0]))); }
Value sign(const Values& a) { return same_kind(a[0], real(a[0]) > 0 ? 1 : real(a[0]) < 0 ? -1 : 0); }
Value power(const Values& a) { return same_kind(a[0], std::pow(real(a[0]), real(a[1]))); }
Value root(const Values& a) { return std::sqrt(real(a[0])); }
Value exponent(const Values& a) { return std::exp(real(a[0])); }
Value logarithm(const Values& a) { return std::log(real(a[0])) / (a.size() > 1 ? std::log(real(a[1])) : 1); }
Value log_ten(const Values& a) { return std::log10(real(a[0])); }
Value pi(const Values&) { return 3.14159265358979323846; }
Value random(const Values&) {
  std::uint32_t bits = 0;
  if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) bits = 0;
  return bits / 4294967296.0;
}
Value checksum(const Values& a) {
  std::uint32_t sum = 2166136261U;
  for (const Value& one : a) {
    for (unsigned char c : text_of(one)) sum = (sum ^ c) * 16777619U;
  }
  return static_cast<std::int64_t>(static_cast<std::int32_t>(sum));
}

Value clock(const Values&) { return moment_text(now_utc(), make_type(Kind::DateTime)); }
Value clock_two(const Values&) { return moment_text(now_utc(), make_type(Kind::DateTime2, 0, 0, 7)); }
Value clock_offset(const Values&) { return moment_text(now_utc(), make_type(Kind::DateTimeOffset, 0, 0, 7)); }
Value new_id(const Values&) {
  std::string bytes(16, '\0');
  if (::getrandom(bytes.data(), 16, 0) != 16) fail(701, "No random bytes.");
  bytes[7] = static_cast<char>((bytes[7] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return convert(Blob{bytes}, make_type(Kind::UniqueIdentifier));
}

Type type_like(const Value& value) {
  std::size_t size = text_of(value).size();
  if (size <= 10) return make_type(Kind::DateTime);
  if (size == 19 || size == 23) return make_type(Kind::DateTime);
  return text_of(value).find_first_of("+-", 11) != std::string::npos
             ? make_type(Kind::DateTimeOffset, 0, 0, 7)
             : make_type(Kind::DateTime2, 0, 0, 7);
}
Value add_date(const Values& a) {
  Moment at = moment(a[2]);
  if (!date_add(text_of(a[0]), whole(a[1]), at))
    fail(155, "'" + text_of(a[0]) + "' is not a recognized dateadd option.", 15);
  return moment_text(at, type_like(a[2]));
}
Value diff_date(const Values& a) {
  std::int64_t out = 0;
  if (!date_diff(text_of(a[0]), moment(a[1]), moment(a[2]), out)) {
    fail(155, "'" + text_of(a[0]) + "' is not a recognized datediff option.", 15);
  }
  return out;
}
Value part_of_date(const Values& a) {
  std::int64_t out = 0;
  if (!date_part(text_of(a[0]), moment(a[1]), out))
    fail(155, "'" + text_of(a[0]) + "' is not a recognized datepart option.", 15);
  return out;
}
Value name_of_date(const Values& a) { return std::to_string(std::get<std::int64_t>(part_of_date(a))); }
Value year(const Values& a) { return part_of_date({Value(std::string("YEAR")), a[0]}); }
Value month(const Values& a) { return part_of_date({Value(std::string("MONTH")), a[0]}); }
Value day(const Values& a) { return part_of_date({Value(std::string("DAY")), a[0]}); }
Value is_numeric(const Values& a) {
  double number = 0;
  bool good = !std::holds_alternative<std::monostate>(a[0]) && parse_number(text_of(a[0]), number);
  return static_cast<std::int64_t>(good);
}
Value is_a_date(const Values& a) {
  Moment at;
  return static_cast<std::int64_t>(std::holds_alternative<std::string>(a[0]) &&
                                   parse_moment(text_of(a[0]), at));
}

constexpr Yields kFixed = Yields::Fixed, kFirst = Yields::First, kText = Yields::Text;
constexpr Kind kInt = Kind::Int, kFloat = Kind::Float, kNv = Kind::NVarChar;

const Function kFunctions[] = {
    {"LEN", 1, 1, kFixed, kInt, 0, len},
    {"DATALENGTH", 1, 2, kFixed, kInt, 0, data_length},
    {"SUBSTRING", 3, 3, kFirst, kNv, 0, substring},
    {"LEFT", 2, 2, kFirst, kNv, 0, left},
    {"RIGHT", 2, 2, kFirst, kNv, 0, right},
    {"CHARINDEX", 2, 3, kFixed, kInt, 0, char_index},
    {"REPLICATE", 2, 2, kText, kNv, 0, replicate},
    {"SPACE", 1, 1, kText, kNv, 0, space},
    {"REPLACE", 3, 3, kText, kNv, 0, replace},
    {"UPPER", 1, 1, kFirst, kNv, 0, to_upper},
    {"LOWER", 1, 1, kFirst, kNv, 0, to_lower},
    {"LTRIM", 1, 1, kFirst, kNv, 0, left_trim},
    {"RTRIM", 1, 1, kFirst, kNv, 0, right_trim},
    {"TRIM", 1, 1, kFirst, kNv, 0, trim},
    {"REVERSE", 1, 1, kFirst, kNv, 0, reverse},
    {"CONCAT", 1, -1, kText, kNv, 0, concat, true},
    {"STUFF", 4, 4, kText, kNv, 0, stuff},
    {"ASCII", 1, 1, kFixed, kInt, 0, ascii},
    {"UNICODE", 1, 1, kFixed, kInt, 0, ascii},
    {"CHAR", 1, 1, kFixed, Kind::VarChar, 1, character},
    {"NCHAR", 1, 1, kFixed, kNv, 1, character},
    {"QUOTENAME", 1, 2, kFixed, kNv, 258, quote_name},
    {"ABS", 1, 1, kFirst, kInt, 0, absolute},
    {"ROUND", 1, 3, kFirst, kInt, 0, round},
    {"FLOOR", 1, 1, kFirst, kInt, 0, floor},
    {"CEILING", 1, 1, kFirst, kInt, 0, ceiling},
    {"SIGN", 1, 1, kFirst, kInt, 0, sign},
    {"POWER", 2, 2, kFirst, kInt, 0, power},
    {"SQRT", 1, 1, kFixed, kFloat, 0, root},
    {"EXP", 1, 1, kFixed, kFloat, 0, exponent},
    {"LOG", 1, 2, kFixed, kFloat, 0, logarithm},
    {"LOG10", 1, 1, kFixed, kFloat, 0, log_ten},
    {"PI", 0, 0, kFixed, kFloat, 0, pi},
    {"RAND", 0, 1, kFixed, kFloat, 0, random},
    {"CHECKSUM", 1, -1, kFixed, kInt, 0, checksum, true},
    {"BINARY_CHECKSUM", 1, -1, kFixed, kInt, 0, checksum, true},
    {"GETDATE", 0, 0, kFixed, Kind::DateTime, 0, clock},
    {"GETUTCDATE", 0, 0, kFixed, Kind::DateTime, 0, clock},
    {"CURRENT_TIMESTAMP", 0, 0, kFixed, Kind::DateTime, 0, clock},
    {"SYSDATETIME", 0, 0, kFixed, Kind::DateTime2, 0, clock_two},
    {"SYSUTCDATETIME", 0, 0, kFixed, Kind::DateTime2, 0, clock_two},
    {"SYSDATETIMEOFFSET", 0, 0, kFixed, Kind::DateTimeOffset, 0, clock_offset},
    {"NEWID", 0, 0, kFixed, Kind::UniqueIdentifier, 0, new_id},
    {"NEWSEQUENTIALID", 0, 0, kFixed, Kind::UniqueIdentifier, 0, new_id},
    {"DATEADD", 3, 3, Yields::Widest, Kind::DateTime, 0, add_date},
    {"DATEDIFF", 3, 3, kFixed, kInt, 0, diff_date},
    {"DATEDIFF_BIG", 3, 3, kFixed, Kind::BigInt, 0, diff_date},
    {"DATEPART", 2, 2, kFixed, kInt, 0, part_of_date},
    {"DATENAME", 2, 2, kFixed, kNv, 30, name_of_date},
    {"YEAR", 1, 1, kFixed, kInt, 0, year},
    {"MONTH", 1, 1, kFixed, kInt, 0, month},
    {"DAY", 1, 1, kFixed, kInt, 0, day},
    {"ISNUMERIC", 1, 1, kFixed, kInt, 0, is_numeric, true},
    {"ISDATE", 1, 1, kFixed, kInt, 0, is_a_date, true},
    // What the session answers.
    {"DB_NAME", 0, 1, kFixed, kNv, 128, nullptr, true},
    {"DB_ID", 0, 1, kFixed, kInt, 0, nullptr, true},
    {"SUSER_SNAME", 0, 1, kFixed, kNv, 128, nullptr, true},
    {"SUSER_NAME", 0, 1, kFixed, kNv, 128, nullptr, true},
    {"SYSTEM_USER", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"ORIGINAL_LOGIN", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"USER_NAME", 0, 1, kFixed, kNv, 128, nullptr, true},
    {"CURRENT_USER", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"SESSION_USER", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"USER", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"APP_NAME", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"HOST_NAME", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"SCHEMA_NAME", 0, 1, kFixed, kNv, 128, nullptr, true},
    {"SCHEMA_ID", 0, 1, kFixed, kInt, 0, nullptr, true},
    {"OBJECT_ID", 1, 2, kFixed, kInt, 0, nullptr, true},
    {"OBJECT_NAME", 1, 2, kFixed, kNv, 128, nullptr, true},
    {"COL_LENGTH", 2, 2, kFixed, Kind::SmallInt, 0, nullptr, true},
    {"TYPE_NAME", 1, 1, kFixed, kNv, 128, nullptr, true},
    {"SERVERPROPERTY", 1, 1, kFixed, kNv, 128, nullptr, true},
    {"DATABASEPROPERTYEX", 2, 2, kFixed, kNv, 128, nullptr, true},
    {"CONNECTIONPROPERTY", 1, 1, kFixed, kNv, 128, nullptr, true},
    {"SESSIONPROPERTY", 1, 1, kFixed, kInt, 0, nullptr, true},
    {"SESSION_CONTEXT", 1, 1, kFixed, kNv, 4000, nullptr, true},
    {"CONTEXT_INFO", 0, 0, kFixed, Kind::VarBinary, 128, nullptr, true},
    {"SCOPE_IDENTITY", 0, 0, kFixed, Kind::Decimal, 0, nullptr, true},
    {"IDENT_CURRENT", 1, 1, kFixed, Kind::Decimal, 0, nullptr, true},
    {"XACT_STATE", 0, 0, kFixed, Kind::SmallInt, 0, nullptr, true},
    {"ERROR_NUMBER", 0, 0, kFixed, kInt, 0, nullptr, true},
    {"ERROR_MESSAGE", 0, 0, kFixed, kNv, 4000, nullptr, true},
    {"ERROR_SEVERITY", 0, 0, kFixed, kInt, 0, nullptr, true},
    {"ERROR_STATE", 0, 0, kFixed, kInt, 0, nullptr, true},
    {"ERROR_LINE", 0, 0, kFixed, kInt, 0, nullptr, true},
    {"ERROR_PROCEDURE", 0, 0, kFixed, kNv, 128, nullptr, true},
    {"HAS_DBACCESS", 1, 1, kFixed, kInt, 0, nullptr, true},
    {"IS_SRVROLEMEMBER", 1, 2, kFixed, kInt, 0, nullptr, true},
    {"IS_MEMBER", 1, 1, kFixed, kInt, 0, nullptr, true},
    {"FN_HADR_IS_PRIMARY_REPLICA", 1, 1, kFixed, Kind::Bit, 0, nullptr, true},
    {"APPLOCK_MODE", 3, 3, kFixed, kNv, 32, nullptr, true},
};

}  // namespace

const Function* find_function(const std::string& name) {
  auto found = std::find_if(std::begin(kFunctions), std::end(kFunctions),
                            [&](const Function& one) { return name == one.name; });
  return found == std::end(kFunctions) ? nullptr : found;
}

const Function* all_functions(std::size_t& count) {
  count = std::size(kFunctions);
  return kFunctions;
}

}  // namespace holdfast::sqlnode
