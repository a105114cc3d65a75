#include "tests/portal/store.h"

#include <cctype>
#include <cstring>

namespace portal {

std::string word(const std::string& text) {
  std::string out = text.substr(0, 100);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c)) && !std::strchr("._:-", c)) c = '_';
  return out;
}

Customer Store::customer(unsigned number) {
  const char* names[] = {"Ada", "Grace", "Edsger", "Barbara", "Niklaus", "Radia", "Leslie", "Frances"};
  const char* queues[] = {"sales", "support", "billing", "priority"};
  return {names[number % 8], queues[number / 8 % 4]};
}

}  // namespace portal
