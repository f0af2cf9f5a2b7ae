#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "comm/mpi_session.h"
#include "launch/command.h"
#include "launch/duration.h"
#include "launch/path_checks.h"
#include "launch/self_launch.h"
#include "launch/shell_words.h"
#include "launch/sweep_cost.h"
#include "launch/sweep_points.h"
#include "launch/sweep_run.h"
#include "launch/sweep_table.h"
#include "launch/sweep_train.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/options.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMostJobs = 1024;

struct SweepArguments {
  fs::path sweep;
  std::vector<std::string> overrides;
  fs::path out;
  bool json = false;
  bool csv = false;
  bool by_seed = false;
  int64_t index = 0;
  std::optional<int64_t> until;
  CostOptions cost;
  bool no_sizes = false;
  int64_t jobs = 1;
  int64_t ranks = 0;
  bool retry_failed = false;
  bool force_lock = false;
  std::string max_time;

  SweepPlan plan() const { return read_sweep(sweep, overrides, out); }
  FailedPoints failed() const {
    return retry_failed ? FailedPoints::kAll : FailedPoints::kThreeTimes;
  }
};
using Given = std::shared_ptr<SweepArguments>;

void print(const std::string& text) { std::fputs(text.c_str(), stdout); }
void print_json(const json& value) { std::printf("%s\n", json_text(value).c_str()); }

std::string head_text(const SweepPlan& plan) {
  return text("sweep %s: %zu points in %s, ranked by %s\n\n", plan.name.c_str(), plan.points.size(),
              plan.out.c_str(), plan.metric.c_str());
}

std::string halving_text(const SweepPlan& plan, const SweepState& state) {
  std::string all;
  for (size_t r = 0; r < plan.halving.rungs.size(); ++r) {
    all += text("rung %zu at %g of a point's steps, %g of the points go on: ", r + 1,
                plan.halving.rungs[r], plan.halving.keep);
    if (r < state.rungs.rungs.size()) {
      const Rung& rung = state.rungs.rungs[r];
      all += text("%zu of %zu did\n", rung.kept.size(), rung.compared.size());
    } else {
      all += "not decided yet\n";
    }
  }
  return all;
}

std::string notes_text(const SweepPlan& plan, const SweepState& state) {
  std::string all = "\n" + counts_text(state) + "\n";
  const std::string open = array_text(open_points(state, FailedPoints::kThreeTimes));
  if (!open.empty()) all += "with work left: " + open + "\n";
  for (const std::string& sentence : plan.duplicates) all += "left out: " + sentence + "\n";
  return all + halving_text(plan, state) + failures_text(plan, state);
}

void warn_of(const SweepState& state) {
  for (const std::string& problem : state.problems) log::warn(problem);
}

int show_plan(const SweepArguments& given) {
  const SweepPlan plan = given.plan();
  require_ranks(plan, given.cost.ranks);
  const SweepState state = read_sweep_state(plan);
  warn_of(state);
  if (given.csv) {
    print(points_csv(plan, state, PointOrder::kIndex));
    return 0;
  }
  CostOptions options = given.cost;
  options.sizes = !given.no_sizes;
  const SweepCost cost = cost_of(plan, state, options);
  if (given.json) {
    json root = sweep_json(plan, state, PointOrder::kIndex);
    root["cost"] = cost_json(cost);
    print_json(root);
    return 0;
  }
  print(head_text(plan) + points_text(plan, state, PointOrder::kIndex) + notes_text(plan, state) +
        cost_text(cost));
  return 0;
}

int show(const SweepArguments& given) {
  const SweepPlan plan = given.plan();
  const SweepState state = read_sweep_state(plan);
  warn_of(state);
  if (given.json) {
    print_json(sweep_json(plan, state, PointOrder::kBest));
  } else if (given.csv) {
    print(given.by_seed ? seeds_csv(plan, state) : points_csv(plan, state, PointOrder::kBest));
  } else {
    const std::string seeds = seeds_text(plan, state);
    print(head_text(plan));
    if (!given.by_seed || seeds.empty()) print(points_text(plan, state, PointOrder::kBest));
    if (!seeds.empty()) print((given.by_seed ? "" : "\n") + seeds);
    print(notes_text(plan, state));
  }
  return 0;
}

int show_point(const SweepArguments& given) {
  const SweepPlan plan = given.plan();
  const SweepPoint& point = point_of(plan, given.index);
  const SweepState state = read_sweep_state(plan);
  const PointState& here = state.points[static_cast<size_t>(point.index)];
  std::string command = "catamaran";
  const std::vector<std::string> words =
      train_words(plan, point, {.until = std::max<int64_t>(0, here.until)});
  for (const std::string& word : words) command += " " + shell_word(word);
  if (given.json) {
    json root = {{"index", point.index},
                 {"id", point.id},
                 {"folder", point.folder.string()},
                 {"state", phase_name(here.phase)},
                 {"reason", here.reason},
                 {"until", here.until},
                 {"settings", point.settings},
                 {"command", words}};
    root["values"] = json::object();
    for (const auto& [key, value] : point.values) root["values"][key] = value;
    print_json(root);
    return 0;
  }
  print(text("point %ld of sweep %s, id %s, %s%s\n", point.index, plan.name.c_str(),
             point.id.c_str(), phase_name(here.phase).c_str(),
             here.reason.empty() ? "" : (" (" + here.reason + ")").c_str()));
  for (const auto& [key, value] : point.values) print("  " + key + " = " + value + "\n");
  print(command + "\n");
  return 0;
}

int run(const SweepArguments& given) {
  const ProgramStart start;
  if (started_by_launcher()) {
    throw UsageError("sweep run starts processes of its own", "command line",
                     "call it without mpirun and srun; --ranks gives a point several ranks");
  }
  SweepRunOptions options{.jobs = given.jobs,
                          .ranks = given.ranks,
                          .failed = given.failed(),
                          .max_seconds = std::nullopt};
  if (!given.max_time.empty()) options.max_seconds = parse_duration(given.max_time, "--max-time");
  return run_sweep(given.plan(), options, start);
}

int train(const SweepArguments& given, int& argc, char**& argv) {
  const SweepPlan plan = given.plan();
  const SweepPoint& point = point_of(plan, given.index);
  const int64_t until = given.until ? *given.until : next_end(plan, point);
  if (until == kNothingToDo) return 0;
  return train_point(plan, point,
                     {.until = until,
                      .ranks = given.ranks,
                      .max_time = given.max_time,
                      .force_lock = given.force_lock,
                      .however_often = given.retry_failed},
                     argc, argv);
}

void add_sweep(CLI::App& command, const Given& given, const char* what) {
  command.add_option("sweep", given->sweep, what)->check(not_empty())->required();
}

void add_overrides(CLI::App& command, const Given& given) {
  command
      .add_option("--set", given->overrides,
                  "KEY=VALUE of the configuration, for every point; may be repeated")
      ->take_all();
  command.add_option("--out", given->out, "folder of the points, instead of what the file says")
      ->check(not_empty());
}

constexpr const char* kAnySweep = "sweep file, folder of a sweep, or a plan in it (OUT/plans)";

void add_plan(CLI::App& sweep, CommandSlot& slot) {
  const auto given = std::make_shared<SweepArguments>();
  CLI::App* command = sweep.add_subcommand(
      "plan", "The points of a sweep, checked, with their states and what they will cost");
  add_sweep(*command, given, kAnySweep);
  add_overrides(*command, given);
  command->add_option("--ranks", given->cost.ranks, "ranks of a point")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20))
      ->capture_default_str();
  command->add_option("--ranks-per-node", given->cost.ranks_per_node, "for node-hours")
      ->check(at_least(1))
      ->capture_default_str();
  command->add_option("--gpu", given->cost.gpu,
                      "time of a step from a published throughput: a100, v100, v100-dgx, rtx3090");
  command
      ->add_option("--step", given->cost.step, "instead: what `catamaran bench step --out` wrote")
      ->check(CLI::ExistingFile);
  command
      ->add_option("--step-seconds", given->cost.step_seconds,
                   "instead: seconds of a step of batch.per_device images")
      ->check(CLI::PositiveNumber);
  command->add_flag("--no-sizes", given->no_sizes,
                    "do not measure the models: quicker, and disk is not predicted");
  command->add_flag("--json", given->json, "print as JSON");
  command->add_flag("--csv", given->csv, "print the points as CSV")->excludes("--json");
  command->footer("Example: catamaran sweep plan configs/sweeps/demo.toml --ranks 2");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return show_plan(*given); }; });
}

void add_run(CLI::App& sweep, CommandSlot& slot) {
  const auto given = std::make_shared<SweepArguments>();
  CLI::App* command = sweep.add_subcommand(
      "run", "Train the points that are not done, several at once, on this machine");
  add_sweep(*command, given, kAnySweep);
  add_overrides(*command, given);
  command->add_option("--jobs", given->jobs, "points at once; cores and GPUs are shared out")
      ->check(CLI::Range(int64_t{1}, kMostJobs))
      ->capture_default_str();
  command->add_option("--ranks", given->ranks, "start each point with so many ranks (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  command->add_flag("--retry-failed", given->retry_failed,
                    "also points that have failed three times in a row");
  command
      ->add_option("--max-time", given->max_time,
                   "2h30m, 90s or HH:MM:SS from now: points stop before that with a checkpoint")
      ->check(not_empty());
  command->footer(
      "Example: catamaran sweep run configs/sweeps/demo.toml --jobs 2. The same command again goes "
      "on with what is left.");
  command->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

void add_show(CLI::App& sweep, CommandSlot& slot) {
  const auto given = std::make_shared<SweepArguments>();
  CLI::App* command = sweep.add_subcommand(
      "show", "What the points have come to, the best first, from their directories alone");
  add_sweep(*command, given, kAnySweep);
  add_overrides(*command, given);
  command->add_flag("--by-seed", given->by_seed,
                    "one line for points that differ in run.seed alone: mean and deviation");
  command->add_flag("--json", given->json, "print as JSON");
  command->add_flag("--csv", given->csv, "print as CSV")->excludes("--json");
  command->footer("Example: catamaran sweep show runs/demo-sweep");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return show(*given); }; });
}

void add_point(CLI::App& sweep, CommandSlot& slot) {
  const auto given = std::make_shared<SweepArguments>();
  CLI::App* command = sweep.add_subcommand(
      "point", "One point: its values, its state and the command that trains it");
  add_sweep(*command, given, kAnySweep);
  command->add_option("index", given->index, "of the point, from 0")
      ->check(at_least(0))
      ->required();
  add_overrides(*command, given);
  command->add_flag("--json", given->json, "print as JSON");
  command->footer("Example: catamaran sweep point configs/sweeps/demo.toml 3");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return show_point(*given); }; });
}

void add_train(CLI::App& sweep, CommandSlot& slot) {
  const auto given = std::make_shared<SweepArguments>();
  CLI::App* command = sweep.add_subcommand(
      "train",
      "Train one point, as a task of a job array does: alone, under srun --mpi=pmix or mpirun");
  add_sweep(*command, given, kAnySweep);
  command->add_option("--index", given->index, "of the point, from 0")
      ->check(at_least(0))
      ->required();
  add_overrides(*command, given);
  command
      ->add_option("--until", given->until,
                   "stop after this step, 0: at the schedule's end; without it as far as the "
                   "sweep's rungs allow")
      ->check(CLI::Range(int64_t{0}, kMostSteps));
  command->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  command->add_option("--max-time", given->max_time, "as of `catamaran train`")->check(not_empty());
  command->add_flag("--force-lock", given->force_lock, "as of `catamaran train`");
  command->add_flag("--retry-failed", given->retry_failed,
                    "however often the point has failed: checkpoint.most_starts_without_progress "
                    "is 0");
  command->footer(
      "Example: catamaran sweep train runs/demo-sweep/plans/3f9a1c20d4e1.json --index "
      "$SLURM_ARRAY_TASK_ID");
  command->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return train(*given, argc, argv); };
  });
}

}  // namespace

void add_sweep_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* sweep = app.add_subcommand(
      "sweep", "Train many configurations: axes of values over one base (docs/sweeps.md)");
  sweep->require_subcommand(1);
  add_plan(*sweep, slot);
  add_run(*sweep, slot);
  add_show(*sweep, slot);
  add_point(*sweep, slot);
  add_train(*sweep, slot);
}

}  // namespace catamaran
