// What an operator may ask of the running process, apart from how the question arrives. The process
// implements it; the control socket (admin_command.h) and the admin HTTP listener (admin_http.h) ask.
// All of it happens on the control loop.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proxy/base/result.h"
#include "proxy/events.h"
#include "proxy/sql_command.h"
#include "proxy/status.h"

namespace holdfast {

struct AdminHealth {
  bool serving = false;
  std::string text;  ///< "ok", or why not
};

/// The result of something that takes a while: a sentence for the operator, or the error. Called once at most, on
/// the control loop, perhaps at once; nobody may be there any more to hear it.
using Later = std::move_only_function<void(Result<std::string>)>;

class Admin {
 public:
  virtual StatusReport status() = 0;
  virtual std::string metrics() = 0;  ///< Prometheus text
  virtual AdminHealth health() = 0;
  /// The file that is in use: its path, the node's name and the text, each after a newline.
  virtual std::string config() = 0;
  virtual Status set_drained(std::string_view service, std::string_view instance, bool drained) = 0;
  virtual Status reload() = 0;
  /// Moves the virtual IPs of a group to the other node; `group` empty: all that this node holds. `force`: even if
  /// the nodes' configurations differ.
  virtual void handover(std::string_view group, bool force, Later done);
  /// Gives a configuration to both nodes, or to neither; `text` empty: the file that is in use.
  virtual void push(std::string text, Later done);
  /// `holdfast sql ...`; within the command's time-out.
  virtual void sql(const SqlCommand& command, Later done);
  virtual const Events& events() const = 0;

 protected:
  ~Admin() = default;
};

/// What an admin connection sends back.
struct AdminReply {
  std::string text;
  bool follow = false;  ///< then each new event, until the client leaves
  bool json = false;  ///< as JSON lines
  std::uint64_t after = 0;  ///< number of the last event in `text`
  Duration patience = Duration::seconds(10);  ///< for `begin`
  std::move_only_function<void(Later)> begin = {};  ///< instead of `text`: what begins now and is told later
};

}  // namespace holdfast
