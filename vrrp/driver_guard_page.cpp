#include "vrrp/driver_guard_page.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace holdfast::vrrp {

namespace {

constexpr std::uint64_t magic = 0x3176'6472'6175'6768;  // changes with the layout
constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

void* map(int fd, std::size_t size) {
  return ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
}

struct RawAddress {
  std::uint8_t family, bytes[16];
};

RawAddress pack(const Address& address) {
  RawAddress raw{};
  raw.family = static_cast<std::uint8_t>(address.family);
  std::copy(address.bytes.begin(), address.bytes.end(), raw.bytes);
  return raw;
}

/// Family None for anything that is no address.
Address unpack(const RawAddress& raw) {
  Address address;
  if (raw.family == static_cast<std::uint8_t>(Address::Family::V4)) address.family = Address::Family::V4;
  if (raw.family == static_cast<std::uint8_t>(Address::Family::V6)) address.family = Address::Family::V6;
  if (address.family != Address::Family::None) std::copy_n(raw.bytes, 16, address.bytes.begin());
  return address;
}

struct RawGuardedAddress {
  std::int32_t interface, prefix_bits;
  RawAddress address;
};

struct RawPacket {
  std::int32_t interface;
  RawAddress source, to;
  std::uint32_t length;
  char payload[GuardPage::payload_max];
};

struct RawState {
  std::uint32_t addresses, packets;  ///< how many
  RawGuardedAddress address[GuardPage::addresses_max];
  RawPacket packet[GuardPage::packets_max];
};

GuardedState unpack(const RawState& raw) {
  GuardedState state;
  const std::size_t addresses = std::min<std::size_t>(raw.addresses, GuardPage::addresses_max);
  for (std::size_t i = 0; i < addresses; ++i) {
    const RawGuardedAddress& one = raw.address[i];
    const Address address = unpack(one.address);
    const int bits_max = address.family == Address::Family::V4 ? 32 : 128;
    if (address.family == Address::Family::None || one.interface <= 0) continue;
    state.addresses.push_back({one.interface, address, std::clamp(one.prefix_bits, 0, bits_max)});
  }
  const std::size_t packets = std::min<std::size_t>(raw.packets, GuardPage::packets_max);
  for (std::size_t i = 0; i < packets; ++i) {
    const RawPacket& one = raw.packet[i];
    const std::size_t length = std::min<std::size_t>(one.length, GuardPage::payload_max);
    const Address source = unpack(one.source), to = unpack(one.to);
    if (to.family == Address::Family::None || source.family != to.family || one.interface <= 0) continue;
    state.packets.push_back({one.interface, source, to, std::string(one.payload, length)});
  }
  return state;
}

void pack(const GuardedState& state, RawState& raw) {
  raw.addresses = static_cast<std::uint32_t>(state.addresses.size());
  for (std::size_t i = 0; i < state.addresses.size(); ++i) {
    const GuardedAddress& one = state.addresses[i];
    raw.address[i] = {one.interface, one.prefix_bits, pack(one.address)};
  }
  raw.packets = static_cast<std::uint32_t>(state.packets.size());
  for (std::size_t i = 0; i < state.packets.size(); ++i) {
    const GuardedPacket& one = state.packets[i];
    raw.packet[i].interface = one.interface;
    raw.packet[i].source = pack(one.source);
    raw.packet[i].to = pack(one.to);
    raw.packet[i].length = static_cast<std::uint32_t>(one.payload.size());
    std::copy(one.payload.begin(), one.payload.end(), raw.packet[i].payload);
  }
}

}  // namespace

/// A worker may be killed between any two instructions, so it writes into the half that is not in force and
/// then moves `edition` on, whose lowest bit says which half is.
struct GuardPage::Layout {
  std::uint64_t magic_ = magic;
  std::atomic<std::int32_t> guardian{0}, worker{0};
  std::atomic<std::uint32_t> ready{0}, edition{0}, taken{0};
  std::atomic<std::int64_t> beat{0};
  std::atomic<std::uint32_t> settings_size{0};
  char settings[GuardPage::settings_max]{};
  RawState half[2]{};
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free, "shared between processes");

std::int64_t boot_time_ms() {
  timespec t{};
  ::clock_gettime(CLOCK_BOOTTIME, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000;
}

Result<GuardPage> GuardPage::create() {
  const auto failed = [] {
    return fail(Blame::Self, std::string("cannot share memory: ") + std::strerror(errno));
  };
  const int fd = ::memfd_create("holdfast-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  // Sealed, so that no worker can cut it short under the guardian's feet.
  if (fd < 0 || ::ftruncate(fd, sizeof(Layout)) != 0 || ::fcntl(fd, F_ADD_SEALS, seals) != 0) return failed();
  void* memory = map(fd, sizeof(Layout));
  if (memory == MAP_FAILED) return failed();
  auto* layout = new (memory) Layout;
  layout->guardian = ::getpid();
  return GuardPage(fd, layout);
}

std::optional<GuardPage> GuardPage::inherit() {
  const char* value = std::getenv(guard_variable);
  if (!value) return std::nullopt;
  int number = -1;
  const char* end = value + std::strlen(value);
  const auto parsed = std::from_chars(value, end, number);
  struct stat info{};
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < 3 || ::fstat(number, &info) != 0)
    return std::nullopt;
  if (info.st_size != sizeof(Layout) || ::fcntl(number, F_GET_SEALS) != seals) return std::nullopt;
  void* memory = map(number, sizeof(Layout));
  if (memory == MAP_FAILED) return std::nullopt;
  GuardPage page(number, static_cast<Layout*>(memory));
  if (page.layout_->magic_ != magic || ::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
  page.guardian_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, page.layout_->guardian.load(), 0)));
  return page;
}

GuardPage::GuardPage(GuardPage&& other) noexcept
    : fd_(other.fd_), layout_(std::exchange(other.layout_, nullptr)), guardian_(std::move(other.guardian_)) {}

GuardPage::~GuardPage() {
  if (layout_) ::munmap(layout_, sizeof(Layout));
}

void GuardPage::claim() { layout_->worker = ::getpid(); }

void GuardPage::set_ready() {
  if (layout_->worker == ::getpid()) layout_->ready = 1;
}

Status GuardPage::publish(const GuardedState& state) {
  const bool fits = state.addresses.size() <= addresses_max && state.packets.size() <= packets_max &&
                    std::all_of(state.packets.begin(), state.packets.end(),
                                [](const GuardedPacket& p) { return p.payload.size() <= payload_max; });
  if (!fits) return fail(Blame::Operator, "more addresses than a guardian can watch");
  if (layout_->worker != ::getpid()) return {};
  const std::uint32_t next = layout_->edition + 1;
  pack(state, layout_->half[next & 1]);
  layout_->edition = next;
  return {};
}

void GuardPage::beat(std::int64_t boot_ms) {
  if (layout_->worker == ::getpid()) layout_->beat = boot_ms;
}

std::uint32_t GuardPage::times_taken() const { return layout_->taken; }

void GuardPage::keep_settings(std::string_view text) {
  if (text.size() > settings_max || layout_->worker != ::getpid()) return;
  layout_->settings_size = 0;
  std::copy(text.begin(), text.end(), layout_->settings);
  layout_->settings_size = static_cast<std::uint32_t>(text.size());
}

std::string GuardPage::settings() const {
  return {layout_->settings, std::min<std::size_t>(layout_->settings_size, settings_max)};
}

int GuardPage::guardian() const { return layout_->guardian; }

bool GuardPage::guardian_gone() const {
  pollfd watched = {guardian_.get(), POLLIN, 0};
  return guardian_.get() < 0 || ::poll(&watched, 1, 0) != 0;
}

int GuardPage::worker() const { return layout_->worker; }

bool GuardPage::ready() const { return layout_->ready != 0; }

std::int64_t GuardPage::last_beat() const { return layout_->beat; }

GuardedState GuardPage::state() const {
  GuardedState state;
  for (int attempt = 0; attempt < 8; ++attempt) {
    const std::uint32_t before = layout_->edition;
    state = unpack(layout_->half[before & 1]);
    if (layout_->edition == before) break;  // else a living worker was quicker than we
  }
  return state;
}

void GuardPage::reset(int worker) {
  const std::uint32_t next = layout_->edition + 1;
  layout_->half[next & 1].addresses = layout_->half[next & 1].packets = 0;
  layout_->edition = next;
  layout_->ready = 0;
  layout_->beat = 0;
  layout_->worker = worker;
}

void GuardPage::note_taken() { ++layout_->taken; }

}  // namespace holdfast::vrrp
