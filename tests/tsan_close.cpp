// Linked only under ThreadSanitizer. libuv closes sockets with syscall(SYS_close, ...), which ThreadSanitizer does not
// see; the next owner of the number then looks like a second thread at the old socket. This passes it on to close().
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>

// The same six words for each number: the kernel reads as many as the call has.
extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  long words[6];
  for (long& word : words) word = va_arg(list, long);
  va_end(list);
  if (number == SYS_close) return ::close(static_cast<int>(words[0]));
  using Call = long (*)(long, ...);
  // Looked up each time: a guarded static would call this function while it waits.
  const Call real = reinterpret_cast<Call>(::dlsym(RTLD_NEXT, "syscall"));
  return real(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}
