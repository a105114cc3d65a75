// Reads one table of the file into one object of the Snapshot, row by row of the schema. Knows types,
// units and limits; what spans sections is validate.cpp's. The caller owns the object, the report and
// the snapshot, which is only looked at for what was read before (virtual addresses).
#pragma once

#include <span>
#include <string>

#include "conf/report.h"
#include "conf/schema.h"

namespace holdfast::conf {

struct Reading {
  Report& report;
  const Snapshot& snapshot;
  std::string directory;   ///< relative file names start here; empty: the current directory
  bool look_up = true;     ///< host names of instances may be looked up
};

/// `title` is the table for messages.
void read_table(Reading& reading, const Value& table, std::span<const Directive> rows, void* object,
                const std::string& title);
/// The same in its two parts. What is given goes over what the object has, and what is required is asked for;
/// the defaults are those of an empty table, for objects that are to be copied.
void read_given(Reading& reading, const Value& table, std::span<const Directive> rows, void* object,
                const std::string& title);
void read_defaults(Reading& reading, const Value& table, std::span<const Directive> rows, void* object,
                   const std::string& title);

/// One directive that is in the file, or its default.
void read_directive(Reading& reading, const Directive& row, const Value& value, void* object,
                    const std::string& title);

/// The kinds that need more than a type and a range (read_special.cpp, read_file.cpp).
void read_special(Reading& reading, const Directive& row, const Value& value, const Slot& slot);
void read_file_name(Reading& reading, const Directive& row, const Value& value, const Slot& slot);
void read_error_page(Reading& reading, const Directive& row, const Value& value, Route& route);

// ---- shared by the readers ----

/// "expected a list such as ..., got a number": how every type error reads.
void report_type(Reading& reading, const Value& value, const std::string& expected);
/// A text within the row's length that follows its rule; null after reporting what is wrong.
const std::string* read_text(Reading& reading, const Directive& row, const Value& value);
/// The items of a list, or the one text in its place, their number checked; empty after reporting.
std::span<const Value> read_list(Reading& reading, const Directive& row, const Value& value);
bool within(Reading& reading, const Value& value, std::uint64_t number, Range range,
            std::string (*format)(std::uint64_t));

}  // namespace holdfast::conf
