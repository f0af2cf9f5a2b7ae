#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "comm/mpi_session.h"
#include "launch/command.h"
#include "launch/config.h"
#include "launch/doctor_job.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/self_launch.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"
#include "support/json.h"
#include "support/last_resort.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int kForbidden = 1;          // docs/exit-codes.md
constexpr double kQuickSeconds = 55;   // for all of it
constexpr double kWholeSeconds = 300;  //
constexpr double kAfterRankZero = 5;   // which speaks first
constexpr const char* kStartingMpi = "starting MPI";

struct DoctorArguments {
  std::filesystem::path run_dir;
  std::filesystem::path config;
  std::vector<std::string> overrides;
  int64_t ranks = 0;
  bool json = false;
  bool quick = false;
  bool local = false;
};

// One look at this process and, where there are others, at all of them together. Two threads: the
// one that looks, and the one that ends it all when the time is up.
class Examination {
 public:
  Examination(const DoctorArguments& given, DoctorRequest request)
      : given_(given), request_(std::move(request)), launcher_(read_launcher()) {}

  int run(int& argc, char**& argv) {
    const double seconds = given_.quick ? kQuickSeconds : kWholeSeconds;
    const LastResort bound(seconds + (launcher_.rank > 0 ? kAfterRankZero : 0),
                           [this, seconds] { return last_words(seconds); });
    report_.set_ranks({host_name()});
    facts_ = probe_alone(request_, launcher_, report_);
    if (const std::optional<Finding> problem = launcher_problem(launcher_)) return alone(*problem);
    if (given_.local) return alone(note("mpi", "MPI was left alone (--local)"));
    report_.begin(kStartingMpi);
    std::optional<MpiSession> session;
    try {
      session.emplace(argc, argv);
    } catch (const CommError& problem) {
      return alone(
          failure("mpi", problem.what(), "see `catamaran --version` for the MPI it found"));
    }
    configure_log(session->rank(), session->world());
    remark_on_run_directory(session->rank());
    code_ = look_together(*session) ? kForbidden : kExitDone;
    if (session->rank() == 0) print();
    if (session->rank() == 0 && report_.has_failure("silent-rank"))
      session->abort(kForbidden);  // the end of MPI would wait for it
    return code_;
  }

 private:
  bool look_together(MpiSession& session) {
    try {
      return check_together(request_, launcher_, *facts_, session, report_);
    } catch (const Error& problem) {
      report_.add({failure("mpi", problem.what(), "look at the network between the nodes"),
                   facts_->host, session.rank()});
      return true;
    }
  }

  // Without MPI: rank 0, or the only one, tells all; of several others what is wrong with them.
  int alone(const Finding& of_mpi) {
    judge_alone(request_, *facts_, report_);
    report_.add({of_mpi, facts_->host, facts_->rank});
    remark_on_run_directory(facts_->rank);
    code_ = report_.forbids_training() ? kForbidden : kExitDone;
    tell();
    return code_;
  }

  void remark_on_run_directory(int rank) {
    if (!request_.run_dir.empty() || given_.quick || rank != 0) return;
    report_.add({note("run-directory", "no run directory was named, so storage was not tried",
                      "name it with --run-dir"),
                 facts_->host, rank});
  }

  // When the time is up, on the other thread; this one hangs.
  int last_words(double seconds) {
    if (is_told_) return code_;
    const std::string stage = report_.stage();
    const bool before_mpi = stage == kStartingMpi;
    if (before_mpi) judge_alone(request_, *facts_, report_);
    report_.add(
        {failure("deadline", text("not done within %.0f s: %s", seconds, stage.c_str()),
                 before_mpi ? "look for a rank that did not start: those that did say so"
                            : "look at what this was about; the findings above may tell why"),
         host_name(), std::max(0, launcher_.rank)});
    if (before_mpi && launcher_.rank > 0)
      std::fprintf(stderr, "doctor: rank %d on %s is here and waits for the others\n",
                   launcher_.rank, facts_->host.c_str());
    tell();
    return kForbidden;
  }

  void tell() {
    if (launcher_.rank <= 0) return print();
    for (const GroupedFinding& group : report_.grouped()) {
      if (group.finding.level != FindingLevel::kFail || group.finding.topic == "launcher") continue;
      std::fputs(line_of(group).c_str(), stderr);
    }
    std::fflush(stderr);
  }

  // Once, whichever thread comes first.
  void print() {
    if (is_told_.exchange(true)) return;
    const ReportFrame frame = report_.frame(given_.quick, clock_.seconds());
    const std::vector<GroupedFinding> findings = report_.grouped();
    const std::string text =
        given_.json ? json_text(report_json(findings, frame)) + "\n" : report_text(findings, frame);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  const DoctorArguments& given_;
  DoctorRequest request_;
  LauncherFacts launcher_;
  Stopwatch clock_;
  DoctorReport report_;
  std::optional<RankFacts> facts_;  // set before the stage kStartingMpi, and never changed
  std::atomic<bool> is_told_ = false;
  std::atomic<int> code_ = kForbidden;
};

int run(const DoctorArguments& given, int& argc, char**& argv) {
  DoctorRequest request;
  request.run_dir = given.run_dir;
  request.quick = given.quick;
  if (!given.config.empty() || !given.overrides.empty()) {
    const ResolvedConfig config = resolve_config(given.config, given.overrides);
    request.options = config.options;
    request.configuration = config.toml;
  }
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kEnd);
  const int code = Examination(given, std::move(request)).run(argc, argv);
  if (code == kExitDone) return code;
  std::fflush(nullptr);
  ::_exit(code);  // a call that never came back may still have its thread here
}

}  // namespace

void add_doctor_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* doctor = app.add_subcommand(
      "doctor",
      "Look at machines before a job is: MPI, GPUs, network, storage, limits, clocks; code 1 where "
      "training must not start");
  const auto given = std::make_shared<DoctorArguments>();
  doctor
      ->add_option("--run-dir", given->run_dir,
                   "folder of a run, there or not yet: whether its storage will do, on all nodes")
      ->check(not_empty());
  doctor
      ->add_option("--config", given->config,
                   "TOML file: look at what it asks for (ports, threads, back end)")
      ->check(not_empty());
  doctor->add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  CLI::Option* ranks =
      doctor
          ->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
          ->check(CLI::Range(1, kMostRanks));
  doctor->add_flag("--quick", given->quick,
                   "a node's self-test before training: less than a minute, whatever hangs");
  doctor->add_flag("--local", given->local, "this machine alone, without MPI")->excludes(ranks);
  doctor->add_flag("--json", given->json, "print the findings as JSON");
  doctor->footer("Example: srun --mpi=pmix catamaran doctor --run-dir /shared/runs/cat-1");
  doctor->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
