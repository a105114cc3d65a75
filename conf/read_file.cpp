// Directives that name files. A file is opened only if it is a regular one, so that a device or a
// FIFO named by mistake cannot hang a reload.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "conf/file.h"
#include "conf/read.h"
#include "proxy/base/check.h"

namespace holdfast::conf {
namespace {

constexpr std::size_t kLargestPage = (1 << 20) - 1;

struct MediaType {
  std::string_view extension;
  std::string_view type;
};
constexpr std::array<MediaType, 5> kMediaTypes = {{{".html", "text/html; charset=utf-8"},
                                                   {".htm", "text/html; charset=utf-8"},
                                                   {".json", "application/json"},
                                                   {".txt", "text/plain; charset=utf-8"},
                                                   {".xml", "application/xml"}}};

std::string full_name(const Reading& r, const std::string& name) {
  return name.starts_with('/') || r.directory.empty() ? name : r.directory + "/" + name;
}

/// The file's full name, or empty after reporting that it cannot be used.
std::string readable_file(Reading& r, const Directive& row, const Value& value) {
  const std::string* text = read_text(r, row, value);
  if (!text) return {};
  std::string name = full_name(r, *text);
  if (const std::string trouble = why_unreadable(name); !trouble.empty()) {
    r.report.error(value.place, "file " + quoted(name) + " cannot be read: " + trouble);
    return {};
  }
  return name;
}

/// A warning only: a group of its own may be how a site hands out its secrets.
void warn_if_shared(Reading& r, const std::string& name, Place place) {
  struct stat status;
  if (stat(name.c_str(), &status) != 0 || (status.st_mode & (S_IRGRP | S_IROTH)) == 0) return;
  const char* who = (status.st_mode & S_IROTH) ? "everyone" : "its group";
  r.report.warning(
      place, "file " + quoted(name) + " holds a secret, and " + who + " may read it: set its mode to 600");
}

void set_text(const Slot& slot, std::string text) {
  if (std::holds_alternative<std::monostate>(slot)) return;
  std::string* const* target = std::get_if<std::string*>(&slot);
  CHECK(target);
  **target = std::move(text);
}

/// The contents, without white space around them: an editor's last newline is no part of a secret.
void read_secret(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  Directive name_row = row;
  name_row.range = {};  // the row's own is of the contents
  const std::string name = readable_file(r, name_row, value);
  if (name.empty()) return;
  warn_if_shared(r, name, value.place);
  FileText file = read_whole(name, row.range.max);
  if (!file.error.empty())
    return r.report.error(value.place, "file " + quoted(name) + " cannot be read: " + file.error);
  const auto first = std::min(file.text.find_first_not_of(" \t\r\n"), file.text.size());
  const auto last = file.text.find_last_not_of(" \t\r\n") + 1;
  const std::string_view secret = std::string_view(file.text).substr(first, std::max(first, last) - first);
  if (secret.empty()) return r.report.error(value.place, "file " + quoted(name) + " holds no secret");
  if (secret.size() < row.range.min)
    return r.report.error(value.place,
                          "the secret in file " + quoted(name) + " has " + std::to_string(secret.size()) +
                              " bytes, and needs at least " + std::to_string(row.range.min) +
                              ": head -c 32 /dev/urandom | base64 > " + name + "; chmod 600 " + name);
  if (auto* const* locked = std::get_if<holdfast::Secret*>(&slot))
    **locked = holdfast::Secret(secret);
  else
    set_text(slot, std::string(secret));
  explicit_bzero(file.text.data(), file.text.size());
}

void read_directory(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  const std::string* text = read_text(r, row, value);
  if (!text) return;
  const std::string name = full_name(r, *text);
  struct stat status;
  if (stat(name.c_str(), &status) != 0 || access(name.c_str(), W_OK | X_OK) != 0)
    return r.report.error(value.place,
                          "directory " + quoted(name) + " cannot be written: " + std::strerror(errno));
  if (!S_ISDIR(status.st_mode)) return r.report.error(value.place, quoted(name) + " is not a directory");
  set_text(slot, name);
}

}  // namespace

std::string why_unreadable(const std::string& name) {
  struct stat status;
  if (stat(name.c_str(), &status) != 0) return std::strerror(errno);
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  if (access(name.c_str(), R_OK) != 0) return std::strerror(errno);
  return {};
}

FileText read_whole(const std::string& name, std::size_t most) {
  FileText file;
  file.error = why_unreadable(name);
  if (!file.error.empty()) return file;
  const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    file.error = std::strerror(errno);
    return file;
  }
  std::array<char, 16384> block;
  ssize_t n = 0;
  while ((n = read(fd, block.data(), block.size())) > 0 && file.text.size() <= most)
    file.text.append(block.data(), static_cast<std::size_t>(n));
  if (n < 0) file.error = std::strerror(errno);
  close(fd);
  if (file.text.size() > most) file.error = "it is larger than " + std::to_string(most) + " bytes";
  return file;
}

void read_file_name(Reading& r, const Directive& row, const Value& value, const Slot& slot) {
  if (row.kind == Kind::Directory) return read_directory(r, row, value, slot);
  if (row.kind == Kind::Output) {
    const std::string* text = read_text(r, row, value);
    if (text) set_text(slot, *text == "-" ? *text : full_name(r, *text));
  } else if (row.kind == Kind::Secret) {
    read_secret(r, row, value, slot);
  } else if (row.kind == Kind::File || row.kind == Kind::SecretFile) {
    std::string name = readable_file(r, row, value);
    if (name.empty()) return;
    if (row.kind == Kind::SecretFile) warn_if_shared(r, name, value.place);
    set_text(slot, std::move(name));
  } else {
    auto* const* names = std::get_if<std::vector<std::string>*>(&slot);
    CHECK(names);
    for (const Value& item : read_list(r, row, value))
      if (std::string name = readable_file(r, row, item); !name.empty())
        (*names)->push_back(std::move(name));
  }
}

void read_error_page(Reading& r, const Directive& row, const Value& value, Route& route) {
  const std::string* text = read_text(r, row, value);
  if (!text) return;
  const std::string name = full_name(r, *text);
  const auto type = std::find_if(kMediaTypes.begin(), kMediaTypes.end(),
                                 [&](const MediaType& media) { return name.ends_with(media.extension); });
  if (type == kMediaTypes.end())
    return r.report.error(
        value.place, "expected a file whose name ends in .html, .json, .txt or .xml; got " + quoted(name));
  FileText page = read_whole(name, kLargestPage);
  if (!page.error.empty())
    return r.report.error(value.place, "file " + quoted(name) + " cannot be read: " + page.error);
  route.error_page = std::move(page.text);
  route.error_type = std::string(type->type);
}

}  // namespace holdfast::conf
