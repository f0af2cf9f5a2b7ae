#include <algorithm>
#include <map>
#include <set>

#include "launch/array_split.h"
#include "launch/config.h"
#include "launch/shell_words.h"
#include "launch/submit.h"
#include "launch/sweep_plan.h"
#include "launch/sweep_points.h"
#include "launch/sweep_table.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Indices = std::vector<int64_t>;

constexpr int64_t kUsualArraySize = 1001;
constexpr const char* kRecord = "submitted.json";

// With the site's folder for Prometheus, where neither the sweep nor its configuration says one.
SweepPlan read_plan(const SubmitArguments& given, const SiteFile& site) {
  SweepPlan plan = read_sweep(given.sweep, given.overrides, given.run_dir);
  if (site.discovery.empty() || plan.prepared || plan.points.empty()) return plan;
  const ResolvedConfig first = check_config(plan.config, plan.points.front().settings).config;
  const std::string setting = discovery_setting(first, site);
  if (setting.empty()) return plan;
  Words overrides = given.overrides;
  overrides.push_back(setting);
  return read_sweep(given.sweep, overrides, given.run_dir);
}

// Points of the plan that this submission is about: with work left, asked for, in no queue.
Indices chosen(const SweepPlan& plan, const Indices& open, const ArrayWish& wish, SubmitJob& job,
               bool dry_run) {
  Indices points;
  for (const int64_t index : open) {
    if (wish.indices.empty() || std::ranges::binary_search(wish.indices, index))
      points.push_back(index);
  }
  if (dry_run) return points;
  std::map<int64_t, std::string> submitted;
  Words jobs;
  for (const int64_t index : points) {
    const auto id = submitted_job(plan.points[static_cast<size_t>(index)].folder / kRecord);
    if (!id) continue;
    submitted[index] = *id;
    jobs.push_back(*id);
  }
  const std::map<std::string, std::string> states = job.slurm().states_of(jobs);
  const size_t queued = std::erase_if(points, [&](int64_t index) {
    return submitted.contains(index) && states.contains(submitted[index]);
  });
  if (queued > 0) job.checks().note(text("%zu points are in the queue already", queued));
  return points;
}

void check_packs(const SweepPlan& plan, SubmitJob& job) {
  job.checks().look([&] { require_ranks(plan, job.shape().ranks()); });
  for (const std::string& pack : plan.packs) job.checks().pack(pack);
  job.checks().require();
}

// All points' checkpoints are taken to be as large as those of the first.
void check_room(const SweepPlan& plan, const Indices& points, SubmitJob& job) {
  std::vector<fs::path> runs;
  for (const int64_t index : points) runs.push_back(plan.points[static_cast<size_t>(index)].folder);
  const SweepPoint& first = plan.points[static_cast<size_t>(points.front())];
  job.checks().room(check_config(plan.config, first.settings).config.options, runs);
  job.checks().require();
}

// Folders and files of the sweep, prepared for a submission; what is new of them goes where none
// comes of it.
PreparedSweep prepare(const SweepPlan& plan, FailedPoints failed, SubmissionFiles& files) {
  const fs::path plans = plan.out / "plans";
  files.remember_folder(plans);
  for (const char* name : {"sweep.json", "rungs.json", "lock"}) files.remember(plan.out / name);
  std::error_code code;
  for (const SweepPoint& point : plan.points) {
    if (fs::exists(point.folder, code)) continue;
    files.remember_folder(point.folder);
    for (const char* name : {kPointConfig, "point.json"}) files.remember(point.folder / name);
  }
  std::set<fs::path> before;
  for (fs::directory_iterator at(plans, code), end; !code && at != end; at.increment(code))
    before.insert(at->path());
  PreparedSweep ready = prepare_sweep(plan, failed);
  if (!before.contains(ready.file)) files.made(ready.file);
  return ready;
}

int64_t array_limit(const SubmitJob& job, bool dry_run) {
  try {
    return job.slurm().max_array_size();
  } catch (const UsageError&) {
    if (!dry_run) throw;
    return kUsualArraySize;
  }
}

class ArrayJobs {
 public:
  ArrayJobs(const SubmitArguments& given, const SweepPlan& plan, SubmitJob& job, int64_t at_once)
      : given_(given), plan_(plan), job_(job), at_once_(at_once) {
    excluded_ = job.excluded({}, bad_nodes());
    job.checks().require();
  }

  // file: what `sweep train` is given.
  std::string script(const ArrayPart& part, const fs::path& file) const {
    JobNames names{.kind = "sweep",
                   .job = plan_.name,
                   .log = plan_.out / "logs" / "%A_%a.log",
                   .folder = current_folder(),
                   .excluded = excluded_};
    JobScript script = job_.script(names, bad_nodes(), place(part), settings(part, file));
    const std::string limit = at_once_ > 0 ? "%" + std::to_string(at_once_) : "";
    script.options.insert(script.options.begin(), "--array=" + array_text(part.tasks) + limit);
    return job_script_text(script);
  }

  // All of them, or none.
  std::vector<Submission> submit(const std::vector<ArrayPart>& parts, const fs::path& file,
                                 SubmissionFiles& files) {
    files.make_folder(plan_.out / "logs");
    std::vector<Submission> submitted;
    try {
      for (const ArrayPart& part : parts) {
        files.place(place(part), script(part, file));
        Words command = {"sbatch", "--parsable", place(part).string()};
        // Arrays are bounded each by itself: one after the other they are bounded together.
        if (at_once_ > 0 && !submitted.empty())
          command.insert(command.begin() + 2, "--dependency=afterany:" + submitted.back().job_id);
        const std::string id = job_.slurm().submit(command);
        submitted.push_back(job_.submission(id, place(part), command, excluded_));
        record(part, submitted.back(), files);
      }
    } catch (...) {
      for (const Submission& one : submitted) job_.slurm().cancel(one.job_id);
      throw;
    }
    return submitted;
  }

 private:
  fs::path bad_nodes() const { return plan_.out / "bad-nodes.txt"; }
  fs::path place(const ArrayPart& part) const {
    return plan_.out / (part.first == 0 ? "submit.sbatch" : text("submit-%ld.sbatch", part.first));
  }

  Settings settings(const ArrayPart& part, const fs::path& file) const {
    std::string folders = "(";
    for (const int64_t task : part.tasks) {
      const SweepPoint& point = plan_.points[static_cast<size_t>(part.first + task)];
      folders += text("\n  [%ld]=", point.index) + shell_word(point.folder.string());
    }
    std::error_code code;
    const bool is_file = fs::is_regular_file(file, code);
    return {{"sweep", shell_word(file.string())},
            {"sweep_hash", is_file ? sha256_of_file(file).substr(0, 12) : "''"},
            {"first", std::to_string(part.first)},
            {"folders", folders + "\n)"},
            {"arguments", shell_list(arguments())}};
  }

  Words arguments() const {
    Words words = given_.arguments;
    if (given_.retry_failed) words.emplace_back("--retry-failed");
    return words;
  }

  // Each point knows its task, so that a sweep that is submitted again leaves it alone.
  void record(const ArrayPart& part, const Submission& array, SubmissionFiles& files) const {
    Submission of_task = array;
    for (const int64_t task : part.tasks) {
      of_task.job_id = array.job_id + "_" + std::to_string(task);
      const SweepPoint& point = plan_.points[static_cast<size_t>(part.first + task)];
      files.place(point.folder / kRecord, submission_json(of_task));
    }
  }

  const SubmitArguments& given_;
  const SweepPlan& plan_;
  SubmitJob& job_;
  int64_t at_once_;
  Words excluded_;
};

}  // namespace

int submit_sweep(const SubmitArguments& given) {
  SubmitJob job(given);
  const SweepPlan plan = read_plan(given, job.site());
  submit_path(plan.out, "--run-dir");
  ArrayWish wish;
  if (!given.array.empty()) wish = parse_array(given.array, "--array", kMostSweepPoints);
  for (const int64_t index : wish.indices) point_of(plan, index);
  const FailedPoints failed = given.retry_failed ? FailedPoints::kAll : FailedPoints::kThreeTimes;
  job.require_slurm();
  check_packs(plan, job);
  SubmissionFiles files;
  PreparedSweep ready;
  if (given.dry_run) {
    ready = {.plan = plan, .file = plan.file, .open = {}, .state = read_sweep_state(plan)};
    ready.open = open_points(ready.state, failed);
  } else {
    ready = prepare(plan, failed, files);
  }
  const Indices points = chosen(plan, ready.open, wish, job, given.dry_run);
  job.checks().note(text("%zu points: ", plan.points.size()) + counts_text(ready.state) +
                    text("; %zu to be submitted", points.size()));
  nlohmann::json more = {{"points", points}};
  if (points.empty()) {
    files.keep();  // what was decided at a rung stays
    job.print({}, {}, "", more);
    return 0;
  }
  check_room(plan, points, job);
  const std::vector<ArrayPart> parts = split_array(points, array_limit(job, given.dry_run));
  ArrayJobs jobs(given, plan, job, wish.at_once > 0 ? wish.at_once : plan.max_parallel);
  if (given.dry_run) {
    Words scripts;
    for (const ArrayPart& part : parts) scripts.push_back(jobs.script(part, ready.file));
    job.print({}, scripts, "", more);
    return 0;
  }
  const std::vector<Submission> submitted = jobs.submit(parts, ready.file, files);
  files.keep();
  job.print(submitted, {}, plan.out.string(), more);
  return 0;
}

}  // namespace catamaran
