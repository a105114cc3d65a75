// A transaction that has only read so far, kept so that it can be run again on another server: its requests,
// as they were sent, and what each answer said. Owned by a Conversation; bounded in bytes and in requests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tds/packet.h"
#include "tds/request_facts.h"

namespace holdfast::tds {

class KeptReads {
 public:
  static constexpr std::size_t steps_max = 256;

  struct Step {
    PacketType type = PacketType::Batch;
    std::string payload;
    std::size_t descriptor_at = 0;  ///< offset of the transaction's descriptor in `payload`; 0: it is not said
    std::vector<RequestFacts::Handle> handles;
    std::int32_t prepared = 0;  ///< the client's handle of a statement that it prepares; 0: none
    bool begins = false;  ///< its answer has nothing to compare but that a transaction began
    std::uint64_t answer = 0;  ///< AnswerDigest
  };

  explicit KeptReads(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  bool open() const { return !steps_.empty(); }
  std::uint64_t descriptor() const { return descriptor_; }  ///< as the client knows it
  const std::vector<Step>& steps() const { return steps_; }
  void start(std::uint64_t descriptor, Step step) {
    clear();
    descriptor_ = descriptor;
    add(std::move(step));
  }
  /// Over a limit the whole is forgotten.
  void add(Step step) {
    bytes_ += step.payload.size();
    if (bytes_ > bytes_max_ || steps_.size() >= steps_max) return clear();
    step.payload.shrink_to_fit();
    steps_.push_back(std::move(step));
  }
  void clear() {
    std::vector<Step>().swap(steps_);
    descriptor_ = bytes_ = 0;
  }
  std::size_t memory() const { return bytes_ + steps_.capacity() * sizeof(Step); }

 private:
  const std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::uint64_t descriptor_ = 0;
  std::vector<Step> steps_;
};

}  // namespace holdfast::tds
