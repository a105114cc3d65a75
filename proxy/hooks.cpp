#include "proxy/hooks.h"

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast {

namespace {

std::string_view state_name(bool active) { return active ? "active" : "standby"; }

std::string millis(Duration d) { return std::to_string(d.to_millis()) + " ms"; }

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

using Words = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::vector<std::string> filled(std::vector<std::string> argv, Words words) {
  for (std::string& argument : argv)
    for (const auto& [placeholder, value] : words) replace_all(argument, placeholder, value);
  return argv;
}

}  // namespace

class Hooks::Runner final : private io::ProcessEvents, private io::TimerEvents {
 public:
  Runner(Hooks& hooks, std::string subject)
      : hooks_(hooks),
        subject_(std::move(subject)),
        timer_(hooks.loop_.timer(*this)),
        probe_(hooks.loop_, hooks.parser_,
               [this](bool ok, std::string_view why, Duration took) { posted(ok, why, took); }) {}

  void post(const ProbeSpec& spec, std::string what) {
    posting_ = std::move(what);
    probe_.begin(spec);
  }

  void run(std::vector<std::string> argv, Duration timeout, std::string what) {
    next_ = Command{std::move(argv), timeout, std::move(what)};
    if (!process_) start_next();
  }

 private:
  struct Command {
    std::vector<std::string> argv;
    Duration timeout{};
    std::string what;
  };

  void start_next() {
    if (!next_) return;
    running_ = std::move(*next_);
    next_.reset();
    began_ = hooks_.loop_.now();
    auto process = hooks_.loop_.spawn(running_.argv, *this);
    if (!process) return tell(running_.what + " could not be started: " + process.error().text);
    process_ = std::move(*process);
    timer_->arm(began_ + running_.timeout);
  }

  void end_process() {
    process_.reset();
    timer_->disarm();
  }

  void on_exit(int exit_code, int signal) override {
    end_process();
    std::string end = signal != 0      ? " was ended by signal " + std::to_string(signal)
                      : exit_code != 0 ? " failed with exit code " + std::to_string(exit_code)
                                       : " succeeded";
    tell(running_.what + end + " after " + millis(hooks_.loop_.now() - began_));
    start_next();
  }

  void on_timer() override {
    end_process();
    tell(running_.what + " was killed after " + millis(running_.timeout));
    start_next();
  }

  void posted(bool ok, std::string_view why, Duration took) {
    if (ok)
      tell(posting_ + " was accepted after " + millis(took));
    else
      tell(posting_ + " failed: " + std::string(why));
  }

  void tell(std::string text) { hooks_.events_.add("hook", subject_, std::move(text)); }

  Hooks& hooks_;
  std::string subject_;
  io::TimerPtr timer_;
  io::ProcessPtr process_;
  Command running_;
  std::optional<Command> next_;
  Instant began_;
  Probe probe_;
  std::string posting_;
};

Hooks::Hooks(io::Loop& loop, Events& events, http::HeadParser& parser)
    : loop_(loop), events_(events), parser_(parser) {}

Hooks::~Hooks() = default;

Hooks::Runner& Hooks::runner(const std::string& service, const std::string& instance) {
  std::unique_ptr<Runner>& runner = runners_[service][instance];
  if (!runner) runner = std::make_unique<Runner>(*this, service + (instance.empty() ? "" : "/" + instance));
  return *runner;
}

void Hooks::run_for_vip(const conf::Vip& vip, const std::string& node, bool holder) {
  const conf::VipHook& hook = holder ? vip.on_holder : vip.on_standby;
  const std::string_view role = holder ? "holder" : "standby";
  if (hook.command.empty()) return;
  std::vector<std::string> argv =
      filled(hook.command, {{"{vip}", vip.name}, {"{node}", node}, {"{role}", role}});
  std::string what = std::string(role) + ": the command " + argv[0];
  runner("vip." + vip.name, {}).run(std::move(argv), hook.timeout, std::move(what));
}

void Hooks::run_command(const conf::Service& service, std::size_t instance, bool active) {
  const conf::Hook& hook = active ? service.on_active : service.on_standby;
  if (hook.command.empty()) return;
  const std::string& name = service.instances[instance].name;
  std::vector<std::string> argv = filled(
      hook.command, {{"{service}", service.name}, {"{instance}", name}, {"{state}", state_name(active)}});
  std::string what = std::string(state_name(active)) + ": the command " + argv[0];
  runner(service.name, name).run(std::move(argv), hook.timeout, std::move(what));
}

void Hooks::post(const conf::Service& service, std::size_t instance, bool active, TlsContextPtr tls) {
  const conf::Hook& hook = active ? service.on_active : service.on_standby;
  if (hook.post.empty()) return;
  ProbeSpec spec = hook_probe(service, service.instances[instance], std::move(tls), hook, state_name(active));
  runner(service.name, service.instances[instance].name)
      .post(spec, std::string(state_name(active)) + ": the POST to " + hook.post);
}

void Hooks::forget(const std::string& service) { runners_.erase(service); }

}  // namespace holdfast
