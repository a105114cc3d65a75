// Warm spares: while a service has no primary, connections to the servers that may become it, gone as far as a
// login can be gone for whomever (TCP, PRELOGIN, TLS), so that a session has only LOGIN7 left to say once one of
// them is elected. They are not logged in: an availability group ends the sessions of a secondary when it changes
// its role, and lets none in to its database before. None is kept in quiet times, either: a SQL Server ends, and
// writes into its error log, a connection that does not log in.
//
// There are as many as sessions wait, at most `spares`. The first to an instance goes alone; after one that
// failed the instance is left 100 ms, doubled up to 1 s. What is left 2 s after the election is closed. Owned by
// the TdsContext; it decides nothing about health, and reports none.
#pragma once

#include <memory>
#include <vector>

#include "proxy/io/io.h"
#include "proxy/service.h"
#include "tds/driver_entry.h"

namespace holdfast::tds {

struct TdsContext;

class Spares final : private ServiceWatcher, private io::TimerEvents {
 public:
  explicit Spares(TdsContext& context);
  ~Spares();

  /// A session has found no instance to go to ...
  void waits();
  /// ... and has one, or has given up.
  void waits_no_more();
  /// Ready for LOGIN7; its place under the instance's `limits.connections` is the taker's. Null: there is none.
  std::unique_ptr<ServerEntry> take(std::size_t instance);
  std::size_t size() const { return spares_.size(); }

 private:
  struct Spare final : io::StreamEvents, ServerEntry::Events {
    Spare(Spares& o, std::size_t at, Instant until) : owner(o), instance(at), due(until) {}
    void on_connected() override;
    void on_data(Bytes) override {}
    void on_end() override { owner.failed(*this); }
    void on_fault(io::Fault, std::string_view) override { owner.failed(*this); }
    void on_ready() override;
    void on_answer(Bytes) override { owner.failed(*this); }
    void on_entry_failed(std::optional<Evidence>, std::string_view) override { owner.failed(*this); }

    Spares& owner;
    const std::size_t instance;
    Instant due;  ///< it must be ready by then
    io::StreamPtr stream;  ///< while it connects
    std::unique_ptr<ServerEntry> entry;
    bool ready = false;
  };
  struct Target {
    bool proven = false;  ///< the last one to it became ready
    Duration wait{};
    Instant again{};  ///< none is begun before
  };

  void on_service_changed(Service&) override;
  void on_timer() override;
  std::size_t wanted() const;
  void fill();
  void trim();
  int choose() const;
  void begin(std::size_t instance);
  void failed(const Spare& spare);
  std::unique_ptr<Spare> remove(std::size_t index);
  void close(std::size_t index);
  void arm();

  TdsContext& context_;
  std::vector<std::unique_ptr<Spare>> spares_;
  std::vector<Target> targets_;  ///< by instance
  io::TimerPtr timer_;
  std::size_t waiting_ = 0;
  int last_active_ = -1;
  Instant close_at_ = Instant::never();  ///< what no session took
};

}  // namespace holdfast::tds
