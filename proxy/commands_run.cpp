#include <cstdio>

#include "conf/file.h"
#include "conf/load.h"
#include "proxy/base/log.h"
#include "proxy/commands.h"
#include "proxy/commands_file.h"
#include "proxy/commands_process.h"
#include "proxy/commands_system.h"
#include "proxy/upgrade.h"
#include "vrrp/driver_guardian.h"

namespace holdfast {

namespace {

int serve(const CommandLine& line, Program program) {
  ignore_broken_pipes();
  if (!line.core) forbid_core_files();
  raise_descriptor_limit();
  Result<Handover> handover = take_handover();
  if (!handover) {
    log_error("cannot take over", {{"why", handover.error().text}});
    return exit_failed;
  }
  ReadConfig config = read_config(line.config, line.node, false);
  std::fputs(diagnostics_text(config.loaded).c_str(), stderr);
  if (!config.good()) return exit_usage;
  RunningProcess process(line, std::move(program), std::move(config), std::move(*handover));
  if (Status done = process.start(); !done) {
    log_error("cannot start", {{"why", done.error().text}});
    return exit_failed;
  }
  return process.run();
}

/// Only a glance: the guardian must not have read a secret.
bool wants_guardian(const CommandLine& line) {
  return conf::glance_has_vip(conf::read_whole(line.config, config_size_max).text);
}

}  // namespace

int run_process(const CommandLine& line, const std::vector<std::string>& arguments) {
  Program program = this_program(arguments);
  if (!wants_guardian(line)) return serve(line, std::move(program));
  vrrp::GuardOptions options;
  options.program = program.path;
  options.arguments = program.arguments;
  options.worker = [&] { return serve(line, program); };
  return vrrp::guard(options);
}

}  // namespace holdfast
