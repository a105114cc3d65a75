// Bytes and addresses as the tests of advertisements write them.
#pragma once

#include <string>
#include <string_view>

#include "vrrp/advert.h"

namespace holdfast::vrrp {

inline std::string from_hex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

inline std::string to_hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes)
    for (const int shift : {4, 0}) out.push_back("0123456789abcdef"[c >> shift & 0xf]);
  return out;
}

inline Address ip(std::string_view text) { return Address::from_ip(text, 0).value(); }

inline Envelope multicast(std::string_view source) {
  const bool v6 = source.find(':') != source.npos;
  return {ip(source), ip(v6 ? "ff02::12" : "224.0.0.18"), 255};
}

}  // namespace holdfast::vrrp
