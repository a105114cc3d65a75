#include "proxy/plan_tls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>

namespace holdfast {

namespace {

std::vector<std::string> files_of(const io::TlsServerOptions& options) {
  std::vector<std::string> files = options.certificates;
  files.insert(files.end(), options.keys.begin(), options.keys.end());
  if (!options.client_ca.empty()) files.push_back(options.client_ca);
  return files;
}

std::vector<std::string> files_of(const io::TlsClientOptions& options) {
  std::vector<std::string> files;
  for (const std::string& file : {options.ca, options.certificate})
    if (!file.empty()) files.push_back(file);
  return files;
}

bool follows_system_store(const io::TlsServerOptions&) { return false; }
bool follows_system_store(const io::TlsClientOptions& options) { return options.verify && options.ca.empty(); }

/// What a regular file of reasonable size holds. Its text, which may be a key, is wiped.
std::optional<Digest> digest_of(const std::string& name) {
  constexpr off_t largest = 1 << 20;
  const int fd = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  std::optional<Digest> digest;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size <= largest) {
    std::string text(static_cast<std::size_t>(info.st_size), 0);
    if (::read(fd, text.data(), text.size()) == info.st_size) digest = hmac_sha256("holdfast tls file", text);
    ::explicit_bzero(text.data(), text.size());
  }
  ::close(fd);
  return digest;
}

/// What a context's files hold; empty if that cannot be told.
template <class Options>
std::optional<std::vector<Digest>> digests_of(const Options& options) {
  if (follows_system_store(options)) return std::nullopt;
  std::vector<Digest> digests;
  for (const std::string& name : files_of(options)) {
    const auto digest = digest_of(name);
    if (!digest) return std::nullopt;
    digests.push_back(*digest);
  }
  return digests;
}

}  // namespace

template <class Options>
Result<PlanTls::Context> PlanTls::get(Shelf<Options>& shelf, const Shelf<Options>* last, const std::string& owner,
                                      const Options& options, Result<Context> (*make)(const Options&)) {
  // Before the context is made: should a file change in between, the next reload makes it anew.
  auto files = digests_of(options);
  if (last && files)
    if (const auto old = last->find(owner); old != last->end())
      if (old->second.options == options && old->second.files == *files)
        return shelf.emplace(owner, old->second).first->second.context;
  auto context = make(options);
  if (context && files) shelf.emplace(owner, Made<Options>{options, std::move(*files), *context});
  return context;
}

Result<PlanTls::Context> PlanTls::server(const PlanTls* last, const std::string& owner,
                                         const io::TlsServerOptions& options) {
  return get(servers_, last ? &last->servers_ : nullptr, owner, options, &io::TlsContext::server);
}

Result<PlanTls::Context> PlanTls::client(const PlanTls* last, const std::string& owner,
                                         const io::TlsClientOptions& options) {
  return get(clients_, last ? &last->clients_ : nullptr, owner, options, &io::TlsContext::client);
}

}  // namespace holdfast
