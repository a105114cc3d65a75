#include "tds/stream_hash.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace holdfast;
using namespace holdfast::tds;

namespace {

std::uint64_t hash_of(Bytes bytes) {
  StreamHash hash;
  hash.add(bytes);
  return hash.value();
}

std::string sample(std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>(i * 31 + i / 64));
  return out;
}

}  // namespace

TEST_CASE("stream hash: any split gives the same value") {
  const std::string text = sample(1000);
  for (const std::size_t step : {1, 3, 8, 63, 64, 65, 200}) {
    StreamHash hash;
    for (std::size_t at = 0; at < text.size(); at += step) hash.add(Bytes(text).substr(at, step));
    CHECK(hash.value() == hash_of(text));
    CHECK(hash.length() == text.size());
  }
}

TEST_CASE("stream hash: no byte, length or order goes unseen") {
  const std::string text = sample(300);
  std::set<std::uint64_t> seen{hash_of(text)};
  std::size_t made = 1;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = static_cast<char>(other[i] ^ 1);
    seen.insert(hash_of(other));
    seen.insert(hash_of(Bytes(text).substr(0, i)));
    made += 2;
  }
  for (std::size_t a = 0; a + 16 <= text.size(); a += 8) {  // words change places
    std::string other = text;
    other.replace(a, 8, text, a + 8, 8).replace(a + 8, 8, text, a, 8);
    seen.insert(hash_of(other));
    ++made;
  }
  CHECK(seen.size() == made);
  CHECK(hash_of("a") != hash_of(std::string("a\0", 2)));
}

TEST_CASE("stream hash: restart forgets all") {
  StreamHash hash;
  hash.add(sample(77));
  hash.restart();
  hash.add(sample(200));
  CHECK(hash.value() == hash_of(sample(200)));
}
