// A pipe by which splice(2) moves the pages of one socket to another. One serves a whole loop, because it is filled
// and emptied within one callback.
#pragma once

#include <cstddef>

namespace holdfast::io {

class UvPipe {
 public:
  static constexpr std::size_t capacity = 1024 * 1024;  ///< bytes, where the system's limits allow it

  UvPipe() = default;
  UvPipe(const UvPipe&) = delete;
  UvPipe& operator=(const UvPipe&) = delete;
  ~UvPipe() { close(); }

  /// Made when first needed. False: no descriptors are left.
  bool open();
  /// Also throws away what is in it, so that no other stream's peer ever gets that.
  void close();

  /// Bytes moved from the socket, at least 1 and at most `most`; or a negative errno, which is -EAGAIN both if there is
  /// nothing now and at the end.
  long fill(int socket, std::size_t most);
  /// The same to the socket; -EAGAIN if it is full.
  long drain(int socket, std::size_t most);
  /// The next `size` bytes in it, copied. It must hold so many.
  void read(char* out, std::size_t size);

 private:
  int in_ = -1, out_ = -1;
};

}  // namespace holdfast::io
