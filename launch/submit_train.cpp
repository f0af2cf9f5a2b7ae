#include "launch/config.h"
#include "launch/shell_words.h"
#include "launch/submit.h"
#include "monitoring/run_status.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

// With the site's folder for Prometheus, where the user has said nothing of it.
ResolvedConfig resolve(const SubmitArguments& given, const SiteFile& site) {
  ResolvedConfig config = resolve_config(given.config, given.overrides);
  const std::string setting = discovery_setting(config, site);
  if (setting.empty()) return config;
  Words overrides = given.overrides;
  overrides.push_back(setting);
  return resolve_config(given.config, overrides);
}

void require_run_folder(const fs::path& run) {
  std::error_code code;
  if (fs::exists(run / "pack.json", code))
    throw UsageError("is a pack, and a run would write among its shards", run.string(),
                     "choose another --run-dir");
  if (fs::exists(run, code) && !fs::is_directory(run, code))
    throw UsageError("is there and no folder", run.string(), "choose another --run-dir");
}

void check(const RunOptions& options, const fs::path& run, const RunStatus& status,
           SubmitJob& job) {
  SubmitChecks& checks = job.checks();
  checks.look([&] {
    if (status.phase == RunPhase::kRunning)
      throw UsageError("the run directory is in use" +
                           (status.host.empty() ? "" : " by a job on " + status.host),
                       run.string(), "wait until it has ended, or choose another --run-dir");
  });
  checks.packs(options);
  checks.weights(options);
  checks.batch(options, job.shape().ranks());
  checks.require();  // the room may take seconds to find out
  checks.room(options, {run});
  checks.time(status, job.shape().ranks(), job.shape().seconds);
  checks.require();
}

}  // namespace

int submit_train(const SubmitArguments& given) {
  SubmitJob job(given);
  const fs::path run = submit_path(given.run_dir, "--run-dir");
  const ResolvedConfig config = resolve(given, job.site());
  require_run_folder(run);
  std::error_code code;
  const RunStatus status = fs::exists(run, code) ? read_run_status(run) : RunStatus();
  job.require_slurm();
  job.require_not_queued({submitted_job(run / "submitted.json").value_or(""), status.job_id}, run);
  check(config.options, run, status, job);

  const fs::path script = run / "submit.sbatch";
  const fs::path settings = run / "submit.toml";
  const fs::path bad_nodes = run.parent_path() / "bad-nodes.txt";
  const JobNames names{.kind = "train",
                       .job = run.filename().string(),
                       .log = run / "job-%j.log",
                       .folder = current_folder(),
                       .excluded = job.excluded(status.exclude_hosts, bad_nodes)};
  job.checks().require();
  const std::string text =
      job_script_text(job.script(names, bad_nodes, script,
                                 {{"config", shell_word(settings.string())},
                                  {"run", shell_word(run.string())},
                                  {"arguments", shell_list(given.arguments)}}));
  if (given.dry_run) {
    job.print({}, {text}, "");
    return 0;
  }
  SubmissionFiles files;
  files.place(settings, config.toml);
  files.place(script, text);
  const Words command = {"sbatch", "--parsable", script.string()};
  const std::string id = job.slurm().submit(command);
  const Submission submission = job.submission(id, script, command, names.excluded);
  try {
    files.place(run / "submitted.json", submission_json(submission));
  } catch (const Error&) {
    job.slurm().cancel(id);
    throw;
  }
  files.keep();
  job.print({submission}, {}, run.string());
  return 0;
}

}  // namespace catamaran
