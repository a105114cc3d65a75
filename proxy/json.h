// A writer of JSON text (RFC 8259) into a string that the caller owns: commas and escapes are its work,
// nesting is the caller's. Shared by the access log, `status --json` and `events`. It never reads JSON.
// Its output is one line of plain text whatever it is given: control bytes, also those of C1 that
// terminals obey, are escaped, and a byte that is not UTF-8 becomes U+FFFD.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast {

/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);
/// 1234500 as "1234.5", or as "1234.500" if `fixed`: microseconds as milliseconds, without floating point.
void append_thousandths(std::string& out, std::int64_t thousandths, bool fixed = false);

class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);  ///< a name of ours: written as it is, not escaped

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth);
  JsonWriter& value(double number);  ///< up to six decimals; what is not finite becomes null
  template <std::integral T>
  JsonWriter& value(T number) {
    char text[24];
    return raw({text, std::to_chars(text, text + sizeof text, number).ptr});
  }
  JsonWriter& thousandths(std::int64_t number);  ///< see append_thousandths
  JsonWriter& null() { return raw("null"); }

  template <class T>
  JsonWriter& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void separate();

  std::string& out_;
  bool comma_ = false;  ///< the next item must be set apart from the one before
};

}  // namespace holdfast
