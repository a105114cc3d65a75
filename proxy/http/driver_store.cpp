#include "proxy/http/driver_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace holdfast::http {

void BodyStore::open(RetainBudget& budget, LoopMetrics& metrics, std::uint64_t memory_max) {
  clear();
  budget_ = &budget;
  metrics_ = &metrics;
  memory_max_ = memory_max;
}

Status BodyStore::append(Bytes bytes) {
  // Once anything is on disk, all that follows goes there: the order is then the file's.
  if (spills(bytes.size())) return spill(bytes);
  if (budget_->memory + bytes.size() > budget_->memory_max)
    return fail(Blame::Self, "the memory budget for retained bodies is used up");
  memory_.append(bytes);
  budget_->memory += bytes.size();
  metrics_->retained_bytes.add(bytes.size());
  return {};
}

Status BodyStore::spill(Bytes bytes) {
  if (budget_->spill + bytes.size() > budget_->spill_max)
    return fail(Blame::Self, "the disk budget for retained bodies is used up");
  if (file_ < 0) {
    file_ = ::open(budget_->spill_dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (file_ < 0)
      return fail(Blame::Self,
                  "cannot open a spill file in " + budget_->spill_dir + ": " + std::strerror(errno));
  }
  std::uint64_t done = 0;
  while (done < bytes.size()) {
    ssize_t n =
        ::pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(file_size_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return fail(Blame::Self, std::string("cannot write a spill file: ") + std::strerror(errno));
    done += static_cast<std::uint64_t>(n);
  }
  file_size_ += bytes.size();
  budget_->spill += bytes.size();
  metrics_->spilled_bytes.add(bytes.size());
  return {};
}

Result<Bytes> BodyStore::read(std::uint64_t offset, char* scratch, std::size_t scratch_size) const {
  if (offset < memory_.size()) return Bytes(memory_).substr(offset, scratch_size);
  std::uint64_t at = offset - memory_.size();
  std::size_t want =
      static_cast<std::size_t>(std::min<std::uint64_t>(scratch_size, file_size_ - std::min(at, file_size_)));
  if (want == 0) return Bytes{};
  ssize_t n = ::pread(file_, scratch, want, static_cast<off_t>(at));
  if (n <= 0) return fail(Blame::Self, std::string("cannot read a spill file: ") + std::strerror(errno));
  return Bytes(scratch, static_cast<std::size_t>(n));
}

void BodyStore::clear() {
  if (budget_) {
    budget_->memory -= memory_.size();
    budget_->spill -= file_size_;
    metrics_->retained_bytes.sub(memory_.size());
    metrics_->spilled_bytes.sub(file_size_);
  }
  if (file_ >= 0) ::close(file_);
  file_ = -1;
  file_size_ = 0;
  // A large body's memory goes back at once; a small one's capacity serves the next request.
  if (memory_.capacity() > 16384) memory_ = std::string();
  memory_.clear();
}

}  // namespace holdfast::http
