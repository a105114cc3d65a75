#include "proxy/base/crypto.h"
#include "proxy/base/secret.h"

#include <catch2/catch.hpp>
#include <set>

namespace holdfast {

namespace {

std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

std::string text(const Digest& digest) { return {digest.begin(), digest.end()}; }

}  // namespace

TEST_CASE("HMAC-SHA256 gives the results of RFC 4231 section 4") {
  struct Row {
    std::string key, data;
    const char* digest;
  };
  const Row rows[] = {
      {std::string(20, '\x0b'), "Hi There",
       "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?",
       "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
  };
  for (const Row& row : rows) CHECK(text(hmac_sha256(row.key, row.data)) == from_hex(row.digest));
}

TEST_CASE("HMAC-SHA256 takes an empty key and empty data") {
  CHECK(text(hmac_sha256({}, {})) ==
        from_hex("b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"));
}

TEST_CASE("derive_key is HKDF-SHA256 without a salt: RFC 5869 appendix A.3") {
  const std::string secret(22, '\x0b');
  const std::string want =
      from_hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
  CHECK(derive_key(secret, "", 42) == want);
  CHECK(derive_key(secret, "") == want.substr(0, 32));
  CHECK(derive_key(secret, "", 1) == want.substr(0, 1));
  CHECK(derive_key(secret, "", 255).size() == 255);
}

TEST_CASE("keys of different labels and secrets have nothing in common") {
  CHECK(derive_key("secret", "peer") != derive_key("secret", "heartbeat"));
  CHECK(derive_key("secret", "peer") != derive_key("secreu", "peer"));
}

TEST_CASE("bytes are equal only if size and content are") {
  CHECK(equal_in_constant_time("", ""));
  CHECK(equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(equal_in_constant_time("abc", "ab"));
  CHECK_FALSE(equal_in_constant_time("", "a"));
}

TEST_CASE("random bytes have the size asked and do not repeat") {
  CHECK(random_bytes(0).empty());
  CHECK(random_bytes(100'000).size() == 100'000);
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_bytes(16));
  CHECK(seen.size() == 100);
}

TEST_CASE("a wiped secret is empty, and its bytes are gone") {
  std::string secret(64, 'x');
  const char* bytes = secret.data();
  wipe(secret);
  CHECK(secret.empty());
  CHECK(std::string(bytes + 1, 63) == std::string(63, '\0'));
}

}  // namespace holdfast
