// The configuration reader on any text: it must answer with a snapshot or with errors, never both or
// neither, and a file that it took must differ in nothing from itself. Names are not looked up.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "conf/load.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast::conf;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Loaded loaded = load_text(text, "/nowhere/fuzz.toml", {.node = "", .host_name = "ef-a", .look_up = false});
  bool error = false;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    error = error || diagnostic.error;
    if (diagnostic.format().find('\n') != std::string::npos) std::abort();
  }
  if (error == (loaded.snapshot != nullptr)) std::abort();
  if (loaded.snapshot && !diff(*loaded.snapshot, *loaded.snapshot).empty()) std::abort();
  return 0;
}
