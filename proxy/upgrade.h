// Replacing the program without refusing a connection. The running process starts the new program with
// copies of its listening descriptors and its state, and goes on serving; when the new one says that it
// serves, the old one stops accepting and drains. The queue of waiting connections belongs to the
// shared socket, so none is lost in between. A new program that fails changes nothing.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/io/io.h"

namespace holdfast {

/// A descriptor and what it is; keys hold no comma and no '='.
struct HandedDescriptor {
  std::string key;
  int fd = -1;
};

struct Handover {
  std::vector<HandedDescriptor> listeners;
  int state = -1;  ///< a memory file: Control::export_state
  int ready = -1;  ///< a pipe: one byte is written when the new process serves
};

/// "@state=3,@ready=4,127.0.0.1:80#0=5": the environment variable HOLDFAST_INHERIT.
std::string encode(const Handover& handover);
Result<Handover> parse_handover(std::string_view text);

/// The new process's side. Empty if there is no hand-over. Takes the variable out of the environment and
/// marks the descriptors close-on-exec, so that no child of ours gets them.
Result<Handover> take_handover();
Result<std::string> read_state(int fd);  ///< closes it
void report_ready(int fd);               ///< closes it

struct Program {
  std::string path;
  std::vector<std::string> arguments;  ///< argv[0] included
};
/// Remembers how this process was started, so that a file put in its place is found. Call at the start.
Program this_program(std::vector<std::string> arguments);

class Upgrade {
 public:
  /// The new process's id once it serves, or why it does not. Called on the loop.
  using Done = std::move_only_function<void(Result<int> process)>;
  static constexpr Duration patience = Duration::seconds(10);

  explicit Upgrade(io::Loop& loop) : loop_(loop) {}
  Upgrade(const Upgrade&) = delete;
  Upgrade& operator=(const Upgrade&) = delete;
  ~Upgrade();  ///< a new process that does not serve yet is ended

  bool running() const { return running_; }
  Status start(const Program& program, std::vector<HandedDescriptor> listeners, const std::string& state,
               Done done);

 private:
  Result<int> wait_ready(int process, int ready);
  void finish(Result<int> result);

  io::Loop& loop_;
  Done done_;
  bool running_ = false;
  int cancel_ = -1;  ///< an eventfd; written to stop waiting
  std::thread waiter_;
};

}  // namespace holdfast
