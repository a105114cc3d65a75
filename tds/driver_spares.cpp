#include "tds/driver_spares.h"

#include <algorithm>
#include <utility>

#include "tds/driver.h"

namespace holdfast::tds {
namespace {

constexpr Duration again_first = 100_ms, again_max = 1_s;
constexpr Duration ready_max = 5_s;  // as long as a login may take
constexpr Duration left_over_max = 2_s;

}  // namespace

Spares::Spares(TdsContext& context)
    : context_(context),
      targets_(context.service.config().instances.size()),
      timer_(context.loop.timer(*this)),
      last_active_(context.service.view().active) {
  context_.service.watch(*this);
}

Spares::~Spares() {
  while (!spares_.empty()) close(spares_.size() - 1);
}

void Spares::waits() {
  ++waiting_;
  fill();
}

void Spares::waits_no_more() {
  --waiting_;
  trim();
}

std::unique_ptr<ServerEntry> Spares::take(std::size_t instance) {
  const conf::TdsEncrypt encrypt = context_.service.config().sql.encrypt;
  const auto at = std::find_if(spares_.begin(), spares_.end(), [&](const auto& spare) {
    return spare->ready && spare->instance == instance && spare->entry->encrypt() == encrypt;
  });
  if (at == spares_.end()) return nullptr;
  if (context_.sql) context_.sql->spares_used.add();
  return std::move(remove(static_cast<std::size_t>(at - spares_.begin()))->entry);
}

// ---- how many, and where ----

/// A PROXY header would have to name a client.
std::size_t Spares::wanted() const {
  const conf::Service& config = context_.service.config();
  if (config.send_proxy != 0 || config.mode == conf::Mode::Balance) return 0;
  return std::min<std::size_t>(config.sql.spares, waiting_);
}

void Spares::fill() {
  while (context_.service.view().active < 0 && spares_.size() < wanted()) {
    const int at = choose();
    const std::uint32_t room = context_.service.config().max_connections;
    if (at < 0 || !context_.load.take(static_cast<std::size_t>(at), room)) break;
    begin(static_cast<std::size_t>(at));
  }
  arm();
}

void Spares::trim() {
  if (context_.service.view().active >= 0) return;
  while (spares_.size() > wanted()) close(spares_.size() - 1);
  arm();
}

/// Not the one that was the primary: it is dead, or will end its sessions. Of the others the one with the
/// fewest; -1: none just now.
int Spares::choose() const {
  const Instant now = context_.loop.now();
  int best = -1;
  std::ptrdiff_t best_count = 0;
  for (std::size_t i = 0; i < targets_.size(); ++i) {
    const auto count = std::count_if(spares_.begin(), spares_.end(),
                                     [&](const auto& spare) { return spare->instance == i; });
    const bool alone = !targets_[i].proven && count != 0;
    if (static_cast<int>(i) == last_active_ || now < targets_[i].again || alone) continue;
    if (best >= 0 && count >= best_count) continue;
    best = static_cast<int>(i);
    best_count = count;
  }
  return best;
}

// ---- one of them ----

void Spares::begin(std::size_t instance) {
  const conf::Service& config = context_.service.config();
  auto made = std::make_unique<Spare>(*this, instance, context_.loop.now() + config.timeouts.connect);
  made->stream = context_.loop.connect(config.instances[instance].address, *made);
  spares_.push_back(std::move(made));
}

void Spares::Spare::on_connected() {
  TdsContext& context = owner.context_;
  due = context.loop.now() + ready_max;
  const io::TlsContext* tls = instance < context.server_tls.size() ? context.server_tls[instance] : nullptr;
  entry = std::make_unique<ServerEntry>(context.loop, context.service.config().sql.encrypt, tls, *this);
  entry->begin(std::move(stream));
}

void Spares::Spare::on_ready() {
  ready = true;
  due = Instant::never();
  owner.targets_[instance].proven = true;
  owner.targets_[instance].wait = {};
  if (owner.context_.sql) owner.context_.sql->spares.add();
  owner.fill();
}

void Spares::failed(const Spare& spare) {
  const auto at =
      std::find_if(spares_.begin(), spares_.end(), [&](const auto& one) { return one.get() == &spare; });
  Target& target = targets_[spare.instance];
  target.proven = false;
  target.wait = target.wait == Duration{} ? again_first : std::min(target.wait * 2, again_max);
  target.again = context_.loop.now() + target.wait;
  if (context_.sql) context_.sql->spares_failed.add();
  close(static_cast<std::size_t>(at - spares_.begin()));
  fill();
}

std::unique_ptr<Spares::Spare> Spares::remove(std::size_t index) {
  std::unique_ptr<Spare> out = std::move(spares_[index]);
  spares_.erase(spares_.begin() + static_cast<std::ptrdiff_t>(index));
  if (context_.sql && out->ready) context_.sql->spares.sub();
  return out;
}

void Spares::close(std::size_t index) { context_.load.give(remove(index)->instance); }

// ---- time, and the election ----

void Spares::on_service_changed(Service& service) {
  const int active = service.view().active;
  if (active < 0) return fill();
  last_active_ = active;
  for (std::size_t i = spares_.size(); i-- > 0;)
    if (static_cast<int>(spares_[i]->instance) != active) close(i);
  close_at_ = context_.loop.now() + left_over_max;
  arm();
}

void Spares::on_timer() {
  const Instant now = context_.loop.now();
  const bool elected = context_.service.view().active >= 0;
  for (std::size_t i = spares_.size(); i-- > 0;) {
    if (elected && now >= close_at_)
      close(i);
    else if (now >= spares_[i]->due)
      return failed(*spares_[i]);  // the others when the timer comes again, at once
  }
  fill();
}

void Spares::arm() {
  Instant due = Instant::never();
  const bool elected = context_.service.view().active >= 0;
  if (elected && !spares_.empty()) due = close_at_;
  for (const auto& spare : spares_) due = std::min(due, spare->due);
  if (!elected && spares_.size() < wanted())
    for (std::size_t i = 0; i < targets_.size(); ++i)
      if (static_cast<int>(i) != last_active_ && targets_[i].again > context_.loop.now())
        due = std::min(due, targets_[i].again);
  timer_->arm(due);
}

}  // namespace holdfast::tds
