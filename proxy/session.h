// Whatever lives as long as a client's connection. A session never deletes itself: it marks itself
// dead, and the engine reaps it at the end of the loop's turn, when every callback has unwound.
#pragma once

#include <cstddef>
#include <memory>

#include "proxy/base/list.h"

namespace holdfast {

class Sessions;

class Session : public ListNode<Session> {
 public:
  virtual ~Session() = default;
  /// Finish politely and soon: after the exchange in progress, at the next statement, ... Repeatable.
  virtual void drain() = 0;
  /// Connections had better be made anew, at the other node: the next response asks for it. Nothing is cut.
  virtual void ask_to_close() {}
  /// There is a new configuration: follow it as far as nothing is in progress.
  virtual void reload() {}
  /// End now; whatever is in flight is lost. Calls die().
  virtual void cut() = 0;

 protected:
  void die();  ///< idempotent; the object stays valid until the turn ends

 private:
  friend class Sessions;
  Sessions* owner_ = nullptr;
  bool dead_ = false;
};

/// All sessions of one loop. The engine's only list of them; its size is what a drain waits for.
class Sessions {
 public:
  ~Sessions();
  void add(std::unique_ptr<Session> session);
  void reap();  ///< deletes the dead; called at turn end
  std::size_t size() const { return live_.size(); }
  void drain_all();
  void ask_all_to_close();
  void reload_all();
  void cut_all();

 private:
  friend class Session;
  List<Session> live_;
  List<Session> dead_;
};

}  // namespace holdfast
