// A password in memory: locked (never swapped), left out of core dumps, wiped when it goes, and never printed: it
// converts to nothing.
#pragma once

#include <cstddef>
#include <string>

#include "proxy/base/bytes.h"

namespace holdfast {

class Secret {
 public:
  Secret() = default;
  explicit Secret(Bytes bytes);
  Secret(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  /// Valid while this lives. Only what encrypts or encodes it for the wire has reason to look.
  Bytes reveal() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void clear();

 private:
  char* data_ = nullptr;  // on a locked page, which small secrets share
  std::size_t size_ = 0;
  std::size_t room_ = 0;   // bytes from there that are its own
};

/// Overwrites all that a string holds, its spare room included, and empties it: for buffers that a secret passed
/// through.
void wipe(std::string& text);

}  // namespace holdfast
