// The bytes of a request body, kept so that the request can be sent again: in memory first, then in
// an unlinked temporary file. What is kept counts against the loop's share of the global budget.
#pragma once

#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/metrics.h"

namespace holdfast::http {

/// One data loop's share of the memory and disk that retained bodies may take. Bytes.
struct RetainBudget {
  std::uint64_t memory_max = 0, spill_max = 0;
  std::uint64_t memory = 0, spill = 0;
  std::string spill_dir;
};

class BodyStore {
 public:
  BodyStore() = default;
  BodyStore(const BodyStore&) = delete;
  BodyStore& operator=(const BodyStore&) = delete;
  ~BodyStore() { clear(); }

  void open(RetainBudget& budget, LoopMetrics& metrics, std::uint64_t memory_max);
  bool spills(std::size_t size) const { return file_ >= 0 || memory_.size() + size > memory_max_; }
  bool spilled() const { return file_ >= 0; }
  bool has_room(std::size_t size) const {
    return spills(size) ? budget_->spill + size <= budget_->spill_max
                        : budget_->memory + size <= budget_->memory_max;
  }
  /// Keeps the bytes. Fails, keeping nothing of them, if a budget is exhausted or the disk refuses.
  Status append(Bytes bytes);
  /// Up to `scratch_size` bytes from `offset`: a view of memory, or of `scratch` when they were on disk.
  Result<Bytes> read(std::uint64_t offset, char* scratch, std::size_t scratch_size) const;
  std::uint64_t size() const { return memory_.size() + file_size_; }
  std::uint64_t in_memory() const { return memory_.size(); }
  void clear();  ///< gives everything back to the budget

 private:
  Status spill(Bytes bytes);

  RetainBudget* budget_ = nullptr;
  LoopMetrics* metrics_ = nullptr;
  std::uint64_t memory_max_ = 0;
  std::string memory_;           ///< the first bytes of the body
  std::uint64_t file_size_ = 0;  ///< those after them
  int file_ = -1;
};

}  // namespace holdfast::http
