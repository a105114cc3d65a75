// What a worker leaves to its guardian (driver_guardian.h): one shared page of memory that says which process
// to watch, when it last showed life, which addresses to take off this host and which packets to send when it
// is dead. It outlives the worker and is handed on to the next program of an upgrade, by its descriptor's
// number in the environment. Both sides treat what they read as hostile: sizes are fixed, counts are checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/address.h"
#include "proxy/base/result.h"
#include "vrrp/driver_descriptor.h"

namespace holdfast::vrrp {

inline constexpr const char* guard_variable = "HOLDFAST_GUARD";

/// A finished VRRP packet (the IP payload) of priority 0.
struct GuardedPacket {
  int interface = 0;  ///< index
  Address source, to;  ///< port 0
  std::string payload;  ///< at most GuardPage::payload_max bytes
};

struct GuardedAddress {
  int interface = 0;  ///< index of the one that has it: `lo`
  Address address;
  int prefix_bits = 0;
};

struct GuardedState {
  std::vector<GuardedAddress> addresses;
  std::vector<GuardedPacket> packets;
  bool empty() const { return addresses.empty() && packets.empty(); }
};

std::int64_t boot_time_ms();  ///< CLOCK_BOOTTIME: goes on while the machine sleeps

class GuardPage {
 public:
  static constexpr std::size_t addresses_max = 256, packets_max = 64, payload_max = 1400, settings_max = 4096;

  /// The guardian makes it.
  static Result<GuardPage> create();
  /// A worker finds it; empty without a guardian, or if its program is of another version of this page.
  static std::optional<GuardPage> inherit();
  GuardPage(GuardPage&& other) noexcept;
  GuardPage& operator=(GuardPage&&) = delete;
  ~GuardPage();
  /// Close-on-exec, and open as long as the process lives: any part of it may call inherit(). A program that
  /// takes over from this process must get it under the same number.
  int descriptor() const { return fd_; }

  // ---- the worker's ----
  void claim();  ///< this process is the one to watch, from now on
  void set_ready();  ///< it serves: it is to be started again should it die
  /// Any thread, but one. Has no effect once another process has claimed the page. An error if it does not
  /// fit.
  Status publish(const GuardedState& state);
  void beat(
      std::int64_t boot_ms);  ///< several times a second, from the thread that answers for the addresses
  /// How often the guardian took addresses away from a worker that was silent: if it grew, they are gone.
  std::uint32_t times_taken() const;
  int guardian() const;  ///< process id
  bool guardian_gone() const;  ///< nobody would clean up after this process

  /// What this node changed of the kernel's settings, for the worker that comes after this one. A longer
  /// text is not kept.
  void keep_settings(std::string_view text);
  std::string settings() const;

  // ---- the guardian's ----
  int worker() const;  ///< process id; 0: none
  bool ready() const;
  std::int64_t last_beat() const;  ///< 0: none yet
  GuardedState state() const;
  void reset(int worker);  ///< a new worker, which has nothing yet; only while no worker lives
  void note_taken();

 private:
  struct Layout;
  GuardPage(int fd, Layout* layout) : fd_(fd), layout_(layout) {}

  int fd_;
  Layout* layout_ = nullptr;
  Descriptor guardian_;  ///< a pidfd, the worker's
};

}  // namespace holdfast::vrrp
