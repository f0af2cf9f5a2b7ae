#include "launch/shell_words.h"
#include "launch/submit.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// RUN/eval-step-00001200.json
fs::path result_of(const SubmitArguments& given, const fs::path& run, const fs::path& checkpoint) {
  if (!given.out.empty()) return submit_path(given.out, "--out");
  return run / ("eval-" + checkpoint.stem().string() + ".json");
}

}  // namespace

int submit_eval(const SubmitArguments& given) {
  SubmitJob job(given);
  const fs::path run = submit_path(given.run_dir, "--run-dir");
  const fs::path checkpoint = submit_path(given.checkpoint, "--eval");
  const fs::path pack = submit_path(given.data, "--data");
  const fs::path out = result_of(given, run, checkpoint);
  job.require_slurm();
  job.require_not_queued({submitted_job(run / "eval-submitted.json").value_or("")}, run);
  job.checks().look([&] {
    std::error_code code;
    if (!fs::exists(checkpoint, code))
      throw WeightsError("there is no such checkpoint", checkpoint.string(),
                         "name a run, a checkpoint folder or a safetensors file");
  });
  job.checks().pack(pack);
  const fs::path script = run / "eval-submit.sbatch";
  const fs::path bad_nodes = run.parent_path() / "bad-nodes.txt";
  const JobNames names{.kind = "eval",
                       .job = "eval-" + run.filename().string(),
                       .log = run / "eval-%j.log",
                       .folder = current_folder(),
                       .excluded = job.excluded({}, bad_nodes)};
  job.checks().require();
  const fs::path state = run / "eval-job";  // what the script keeps between lives
  const std::string text =
      job_script_text(job.script(names, bad_nodes, script,
                                 {{"checkpoint", shell_word(checkpoint.string())},
                                  {"pack", shell_word(pack.string())},
                                  {"out", shell_word(out.string())},
                                  {"run", shell_word(state.string())},
                                  {"arguments", shell_list(given.arguments)}}));
  if (given.dry_run) {
    job.print({}, {text}, "");
    return 0;
  }
  SubmissionFiles files;
  files.place(script, text);
  const std::vector<std::string> command = {"sbatch", "--parsable", script.string()};
  const std::string id = job.slurm().submit(command);
  const Submission submission = job.submission(id, script, command, names.excluded);
  try {
    files.place(run / "eval-submitted.json", submission_json(submission));
  } catch (const Error&) {
    job.slurm().cancel(id);
    throw;
  }
  files.keep();
  job.print({submission}, {}, out.string());
  return 0;
}

}  // namespace catamaran
