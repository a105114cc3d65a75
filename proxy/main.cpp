// The program `holdfast`. Everything is below it: see commands.h for the command line, commands_process.h
// for what `holdfast run` is made of.
#include <exception>
#include <string>
#include <vector>

#include "proxy/base/log.h"
#include "proxy/commands.h"
#include "proxy/commands_system.h"

int main(int count, char** values) {
  holdfast::fill_standard_descriptors();
  try {
    return holdfast::run_command(std::vector<std::string>(values, values + count), HOLDFAST_VERSION);
  } catch (const std::exception& e) {
    // Only the standard library throws here: there is no memory, or the system has no more threads.
    holdfast::log_error("cannot go on", {{"why", e.what()}});
    return holdfast::exit_failed;
  }
}
