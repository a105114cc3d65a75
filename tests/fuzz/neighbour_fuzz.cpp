// Any bytes as an Ethernet frame: what is read as a question gets an answer that tells what was asked, to
// a station or to all; nothing is both a question and told; and padding changes nothing.
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "vrrp/frames.h"

using namespace holdfast;
using namespace holdfast::vrrp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes frame(reinterpret_cast<const char*>(data), size);
  const Mac own = {2, 0, 0, 0, 0, 1};
  auto question = read_question(frame);
  auto told = read_told(frame);
  CHECK(!question || !told);
  if (told) CHECK((told->mac[0] & 1) == 0 && told->mac != Mac{});
  if (!question) return 0;
  CHECK(question->target.family == question->asker.family && question->target.port == 0);
  const std::string reply = answer(own, *question);
  auto heard = read_told(reply);
  CHECK(heard && heard->address == question->target && heard->mac == own);
  CHECK(!read_question(reply));
  auto padded = read_question(std::string(frame) + std::string(18, '\x55'));
  CHECK(padded && padded->target == question->target && padded->asker == question->asker);
  auto again = read_question(ask(own, question->asker, question->target, nullptr));
  CHECK(!again || again->target == question->target);
  return 0;
}
