// Runs a fuzz target over a directory of inputs without libFuzzer: each file whole, each of its
// prefixes, and some mutations that are the same on every run. Any broken invariant aborts.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t prefixes_max = 4096;
constexpr int mutations = 200;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed | 1) {}
  std::size_t below(std::size_t limit) {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<std::size_t>(state_ % limit);
  }

 private:
  std::uint64_t state_;
};

// A fresh block of exactly this size, so that a sanitizer sees the first byte that is read past it.
void run(const std::string& input, std::size_t size) {
  std::vector<std::uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::string mutated(std::string input, Random& random) {
  static constexpr char telling[] = {'\r', '\n', '\0', ' ', '\t', ':', ',', ';', '0', '9', 'f', '\x7f', '\xff'};
  for (std::size_t edits = 1 + random.below(3); edits > 0 && !input.empty(); --edits) {
    std::size_t at = random.below(input.size());
    char c = telling[random.below(sizeof telling)];
    switch (random.below(4)) {
      case 0: input[at] = c; break;
      case 1: input.insert(at, 1, c); break;
      case 2: input.erase(at, 1 + random.below(4)); break;
      default: input.insert(at, input.substr(at, 1 + random.below(16)));
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 1;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1]))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    const std::string input{std::istreambuf_iterator<char>(in), {}};
    Random random(input.size() * 2654435761u + 88172645463325252u);
    for (std::size_t n = 0; n <= std::min(input.size(), prefixes_max); ++n) run(input, n);
    run(input, input.size());
    for (int i = 0; i < mutations; ++i) {
      const std::string other = mutated(input, random);
      run(other, other.size());
    }
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;
}
