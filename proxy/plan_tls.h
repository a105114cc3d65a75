// The TLS contexts of a plan, by whose they are. One that the last plan had is taken over if it was asked for with the
// same options and its files hold the same: a reload then reads no key, and sessions of the other side stay good.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/crypto.h"
#include "proxy/base/result.h"
#include "proxy/io/tls.h"

namespace holdfast {

class PlanTls {
 public:
  using Context = std::shared_ptr<const io::TlsContext>;

  /// `owner` names the section and the instance, and asks once. `last`: null if there was no plan before.
  Result<Context> server(const PlanTls* last, const std::string& owner, const io::TlsServerOptions& options);
  Result<Context> client(const PlanTls* last, const std::string& owner, const io::TlsClientOptions& options);

 private:
  template <class Options>
  struct Made {
    Options options;
    std::vector<Digest> files;
    Context context;
  };
  template <class Options>
  using Shelf = std::map<std::string, Made<Options>>;

  template <class Options>
  static Result<Context> get(Shelf<Options>& shelf, const Shelf<Options>* last, const std::string& owner,
                             const Options& options, Result<Context> (*make)(const Options&));

  Shelf<io::TlsServerOptions> servers_;
  Shelf<io::TlsClientOptions> clients_;
};

}  // namespace holdfast
