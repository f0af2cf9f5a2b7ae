#include <cstdio>
#include <memory>
#include <string>

#include "launch/command.h"
#include "launch/job_templates.h"
#include "launch/path_checks.h"
#include "launch/submit.h"
#include "support/error.h"
#include "support/text.h"

namespace catamaran {
namespace {

struct SubmitCommand {
  SubmitArguments given;
  bool example_site = false;
};

void require(bool holds, const std::string& what, const std::string& where,
             const std::string& hint) {
  if (!holds) throw UsageError(what, where, hint);
}

int print_example_site() {
  std::fputs(std::string(job_template("site.example.toml")).c_str(), stdout);
  return 0;
}

int run(const SubmitCommand& command) {
  const SubmitArguments& given = command.given;
  if (command.example_site) return print_example_site();
  const int kinds = static_cast<int>(!given.config.empty()) +
                    static_cast<int>(!given.sweep.empty()) +
                    static_cast<int>(!given.checkpoint.empty());
  require(kinds == 1, kinds == 0 ? "nothing was given to submit" : "only one kind of job at a time",
          "submit", "give --config to train, --sweep for its points, or --eval with --data");
  require(!given.sweep.empty() || given.array.empty(), "it chooses points of a sweep", "--array",
          "give --sweep, too");
  require(!given.sweep.empty() || !given.retry_failed, "it is for a sweep's points",
          "--retry-failed", "give --sweep, too");
  require(!given.sweep.empty() || !given.run_dir.empty(), "no folder was given for it", "--run-dir",
          "name one on storage that all nodes see");
  require(given.checkpoint.empty() == given.data.empty(), "they belong together", "--eval, --data",
          "name a checkpoint and the pack to evaluate it on");
  require(given.out.empty() || !given.checkpoint.empty(), "it is the result of an evaluation",
          "--out", "give --eval, too");
  require(given.overrides.empty() || given.checkpoint.empty(), "an evaluation has no configuration",
          "--set", "leave it out");
  require(given.arguments.empty() || given.arguments.front().starts_with('-'),
          "'" + printable(given.arguments.empty() ? "" : given.arguments.front()) +
              "' is no option of submit",
          "submit", "options for train or eval stand behind --");
  if (!given.sweep.empty()) return submit_sweep(given);
  return given.checkpoint.empty() ? submit_train(given) : submit_eval(given);
}

void add_job_options(CLI::App& submit, JobWishes& job) {
  submit.add_option("--nodes", job.nodes, "nodes of the job")
      ->check(at_least(1))
      ->capture_default_str();
  submit
      .add_option("--ranks-per-node", job.ranks_per_node,
                  "ranks on each; otherwise one a GPU, or what the site file says")
      ->check(at_least(1));
  submit
      .add_option("--gpus-per-node", job.gpus_per_node,
                  "GPUs on each, 0 for none; otherwise what the site file says")
      ->check(at_least(0));
  submit.add_option("--cpus-per-task", job.cpus_per_task, "cores of a rank: decoding needs some")
      ->check(at_least(1));
  submit
      .add_option("--time", job.time,
                  "of one life of the job: 4h, 2h30m, 04:00:00; what needs longer requeues itself")
      ->check(not_empty());
  submit.add_option("--partition", job.partition, "queue, with what the site file says of it")
      ->check(not_empty());
  submit.add_option("--account", job.account, "whom it is charged to")->check(not_empty());
  submit.add_option("--qos", job.qos, "quality of service")->check(not_empty());
  submit.add_option("--name", job.name, "of the job; otherwise that of the run directory")
      ->check(not_empty());
  submit
      .add_option("--exclude", job.exclude,
                  "nodes to leave out, between commas; bad ones are left out by themselves")
      ->check(not_empty());
  submit
      .add_option("--sbatch", job.options,
                  "one more option of sbatch, as --sbatch=--comment=x; may be repeated")
      ->take_all();
}

}  // namespace

void add_submit_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* submit = app.add_subcommand(
      "submit", "Check a training, sweep or evaluation here, then submit it to Slurm");
  const auto command = std::make_shared<SubmitCommand>();
  SubmitArguments& given = command->given;
  submit->add_option("--config", given.config, "train: TOML file")->check(not_empty());
  submit->add_option("--set", given.overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  submit
      ->add_option("--run-dir", given.run_dir,
                   "folder of the run, on storage that all nodes see; of a sweep: of its points")
      ->check(not_empty());
  submit->add_option("--sweep", given.sweep, "train the points of a sweep that have work left")
      ->check(not_empty());
  submit
      ->add_option("--array", given.array,
                   "of a sweep: only these points, and how many at once: 0-5,9 or 0-5%2")
      ->check(not_empty());
  submit->add_flag("--retry-failed", given.retry_failed,
                   "of a sweep: also points that failed three times in a row");
  submit->add_option("--eval", given.checkpoint, "evaluate: run, checkpoint or safetensors file")
      ->check(not_empty());
  submit->add_option("--data", given.data, "with --eval: pack")->check(not_empty());
  submit->add_option("--out", given.out, "with --eval: result; otherwise RUN/eval-NAME.json")
      ->check(result_file({".json"}));
  add_job_options(*submit, given.job);
  submit
      ->add_option("--site", given.site,
                   "TOML file of the cluster; otherwise slurm/site.toml, or that of the "
                   "installation")
      ->check(not_empty());
  submit->add_flag("--example-site", command->example_site, "print such a file with every key");
  submit->add_flag("--dry-run", given.dry_run,
                   "print the script, submit and write nothing; needs no Slurm");
  submit->add_flag("--json", given.json, "print as JSON");
  submit->add_option("arguments", given.arguments, "behind --: more for train or eval");
  submit->footer(
      "Example: catamaran submit --config configs/cat.toml --run-dir /shared/runs/cat --nodes 2 "
      "--time 4h\n"
      "         catamaran submit --sweep sweep.toml --time 1h --dry-run\n"
      "         catamaran submit --eval /shared/runs/cat --data packs/voc07-test --run-dir "
      "/shared/runs/cat --time 30m -- --protocol all");
  submit->callback([&slot, command] {
    slot.work = [command](int& argc, char**& argv) {
      std::string& line = command->given.command_line;
      for (int i = 0; i < argc; ++i) line += (i == 0 ? "" : " ") + std::string(argv[i]);
      return run(*command);
    };
  });
}

}  // namespace catamaran
