// catamaran: parse, run one command, one catch that turns errors into a sentence and an exit code.
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <thread>

#include "comm/mpi_session.h"
#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/help_format.h"
#include "launch/version.h"
#include "support/error.h"
#include "support/log.h"
#include "support/nearest.h"
#include "support/open_files.h"
#include "support/text.h"
#include "trainer/api.h"

namespace {

using namespace catamaran;

// Errors that every rank is likely to find by itself: usage, data, weights, and the numbers that
// all ranks decide by.
bool is_everybodys(ErrorKind kind) {
  return kind == ErrorKind::kUsage || kind == ErrorKind::kData || kind == ErrorKind::kWeights ||
         kind == ErrorKind::kNumerics;
}

[[noreturn]] void fail(const Error& error) {
  const ErrorKind kind = error.kind();
  const int rank = rank_from_environment();
  // Rank 0 says it for all, and ends all; what only this rank has met it says itself, a second
  // later.
  if (rank > 0 && is_everybodys(kind)) std::this_thread::sleep_for(std::chrono::seconds(1));
  const std::string who = rank >= 0 ? "rank " + std::to_string(rank) + ": " : "";
  std::fprintf(stderr, "catamaran: %serror: %s\n", who.c_str(), printable(error.what()).c_str());
  std::fflush(nullptr);              // what was printed before the error must not be lost with it
  abort_all_ranks(exit_code(kind));  // ends the other ranks too; without MPI just this process
}

// CLI11 takes the word after "--out=" for the value: `--out="$UNSET" x.jpg` would be about x.jpg.
void require_values(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && word.size() > 3 && word.find('=') == word.size() - 1) {
      throw UsageError("is empty", word.substr(0, word.size() - 1),
                       "give a value, or leave the option out");
    }
  }
}

// CLI11 says of a word that is no command that one is required.
void require_known_command(const CLI::App& app, int argc, char** argv) {
  if (argc < 2 || argv[1][0] == '-') return;
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (std::ranges::find(known, argv[1]) != known.end()) return;
  const std::string near = did_you_mean(argv[1], known);
  throw UsageError("there is no command '" + std::string(argv[1]) + "'" + near, "command line",
                   "see `catamaran --help`");
}

// A result that went nowhere is no success. A reader that has gone, as `| head` does, has had what
// it wanted.
void require_written_output() {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  if (::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0) return;
  throw UsageError("not all could be written", "standard output",
                   "check where it leads: is the disk full?");
}

int run(int argc, char** argv) {
  raise_open_file_limit();
  require_values(argc, argv);
  CLI::App app("Catamaran trains CAT, a multi-label image classifier, data-parallel on clusters.",
               "catamaran");
  app.formatter(std::make_shared<HelpFormat>());
  app.footer(
      "Start with: catamaran pack manifest --help, catamaran train --help. Exit codes: "
      "docs/exit-codes.md");
  app.require_subcommand(1);
  app.set_version_flag("--version", version_text());
  CommandSlot slot;
  add_pack_command(app, slot);
  add_check_command(app, slot);
  add_train_command(app, slot);
  add_lr_find_command(app, slot);
  add_eval_command(app, slot);
  add_thresholds_command(app, slot);
  add_predict_command(app, slot);
  add_explain_command(app, slot);
  add_status_command(app, slot);
  add_watch_command(app, slot);
  add_report_command(app, slot);
  add_weights_command(app, slot);
  add_checkpoint_command(app, slot);
  add_config_command(app, slot);
  add_plan_command(app, slot);
  add_sweep_command(app, slot);
  add_bench_command(app, slot);
  add_submit_command(app, slot);
  add_doctor_command(app, slot);
  add_data_command(app, slot);
  add_sd_command(app, slot);
  require_known_command(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {  // --help, --version
    return app.exit(done);
  } catch (const CLI::ParseError& problem) {
    throw UsageError(problem.what(), "command line",
                     "see `catamaran --help` or `catamaran COMMAND --help`");
  }
  const int code = slot.work(argc, argv);
  if (code == kExitDone) require_written_output();
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or socket is an error code, not the end
  std::signal(SIGXFSZ, SIG_IGN);
  ::umask(::umask(0) | S_IWOTH);  // the user's, but nothing that is made is writable for all
  configure_log(std::max(0, rank_from_environment()), 1);
  try {
    return run(argc, argv);
  } catch (const std::exception& problem) {
    fail(as_error(problem));
  }
}
