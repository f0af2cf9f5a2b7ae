#include "launch/self_launch.h"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "comm/mpi_session.h"
#include "launch/rank_processes.h"
#include "support/error.h"
#include "support/log.h"
#include "support/terminal.h"

namespace catamaran {

std::vector<std::string> mpirun_command(int64_t ranks, const std::vector<std::string>& arguments) {
  // No binding: the ranks divide the cores themselves, so that the loader threads and compute
  // threads of each share its part (comm.bind).
  // Quiet: what ends a rank it says itself, and mpirun calls a stop with a checkpoint a failure.
  std::vector<std::string> command = {"mpirun", "--quiet", "--oversubscribe",    "--bind-to",
                                      "none",   "-n",      std::to_string(ranks)};
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--ranks") {
      ++i;
    } else if (!arguments[i].starts_with("--ranks=")) {
      command.push_back(arguments[i]);
    }
  }
  return command;
}

int launch_ranks(int64_t ranks, int argc, char** argv, OnStop on_stop) {
  if (started_by_launcher()) {
    throw UsageError("this process was started by a launcher already", "--ranks",
                     "leave --ranks out under mpirun or srun");
  }
  std::vector<std::string> arguments(argv, argv + argc);
  std::error_code code;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", code);
  if (!code) arguments[0] = self.string();
  const std::vector<std::string> command = mpirun_command(ranks, arguments);
  if (::geteuid() == 0) {  // containers run as root; Open MPI asks for a confirmation
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  }
  // mpirun hands on what rank 0 says as it comes: its progress may be drawn in place, too.
  if (const auto terminal = terminal_size(STDERR_FILENO)) {
    ::setenv(kTerminalVariable, text("%ldx%ld", terminal->columns, terminal->rows).c_str(), 1);
  } else {
    ::unsetenv(kTerminalVariable);
  }
  std::string line;
  for (const std::string& part : command) line += (line.empty() ? "" : " ") + part;
  log::info(text("starting %ld ranks: %s", ranks, line.c_str()));
  const auto ready = [&](pid_t mpirun) { return ranks_catching(mpirun, SIGUSR1) >= ranks; };
  return run_supervised(command, on_stop, ready);
}

}  // namespace catamaran
