// The writer behind metrics_text: families and samples of the Prometheus text format 0.0.4, and the part of it that
// is about the virtual IPs or SQL sessions. Used by metrics_text*.cpp only.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "proxy/metrics_text.h"

namespace holdfast {

class Exposition {
 public:
  struct Label {
    const char* name;
    std::string_view value;
  };
  using Labels = std::initializer_list<Label>;

  /// Each family is introduced once, before all of its samples.
  void family(std::string_view name, const char* type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help);
    out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  void sample(Labels labels, std::string_view value, std::string_view suffix = {}) {
    out_.append(name_).append(suffix);
    char before = '{';
    for (const Label& label : labels) {
      out_ += before;
      out_.append(label.name).append("=");
      append_label(out_, label.value);
      before = ',';
    }
    if (labels.size()) out_ += '}';
    out_.append(" ").append(value).append("\n");
  }
  void sample(Labels labels, std::uint64_t value, std::string_view suffix = {}) {
    sample(labels, std::to_string(value), suffix);
  }
  void single(std::string_view name, const char* type, std::string_view help, std::string_view value) {
    family(name, type, help);
    sample({}, value);
  }
  void single(std::string_view name, const char* type, std::string_view help, std::uint64_t value) {
    single(name, type, help, std::to_string(value));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

void show_sql(Exposition& e, const std::map<std::string, SqlTotals>& sql);
void show_vip(Exposition& e, const StatusVip& vip);

}  // namespace holdfast
