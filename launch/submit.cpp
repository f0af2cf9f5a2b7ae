#include "launch/submit.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "launch/bad_nodes.h"
#include "launch/shell_words.h"
#include "launch/version.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/normal_path.h"
#include "support/text.h"
#include "support/toml_text.h"

namespace catamaran {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

SubmitJob::SubmitJob(const SubmitArguments& given)
    : given_(given), site_(find_site_file(given.site)), shape_(job_shape(given.job, site_)) {}

void SubmitJob::require_slurm() {
  if (given_.dry_run) return;
  slurm_.require_sbatch();
  if (site_.launcher == "srun") checks_.look([&] { slurm_.require_mpi(site_.mpi); });
  if (shape_.seconds == 0)
    checks_.note("no time limit was asked for (--time): the partition's own counts");
  const std::optional<int64_t> most = slurm_.time_limit_of(shape_.partition);
  checks_.look([&] {
    if (!most || shape_.seconds <= *most) return;
    throw UsageError("the partition ends jobs after " + slurm_time(*most), "--time",
                     "ask for that or less; a job that needs longer requeues itself");
  });
}

void SubmitJob::require_not_queued(const Words& jobs, const fs::path& run) {
  if (given_.dry_run) return;
  checks_.look([&] {
    const std::map<std::string, std::string> states = slurm_.states_of(jobs);
    if (states.empty()) return;
    const auto& [job, state] = *states.begin();
    throw UsageError("its job " + job + " is in the queue (" + state + ")", run.string(),
                     "wait for it, or `scancel " + job + "`");
  });
}

Words SubmitJob::excluded(const Words& hosts, const fs::path& bad_nodes) {
  const fs::path file = site_.bad_nodes.empty() ? bad_nodes : fs::path(site_.bad_nodes);
  const BadNodes bad = read_bad_nodes(file, unix_seconds());
  for (const std::string& line : bad.left_out) checks_.note(line);
  Words names = node_list(given_.job.exclude, "--exclude");
  for (const std::string& host : hosts) {
    if (!is_node_name(host)) continue;
    names.push_back(host);
    checks_.note("left out: " + host + ", which the newest failure of the run was due to");
  }
  for (const BadNode& node : bad.nodes) {
    names.push_back(node.name);
    checks_.note("left out: " + node.name + ", " + utc_text(node.unix_seconds) + ": " +
                 node.reason);
  }
  std::ranges::sort(names);
  const auto rest = std::ranges::unique(names);
  names.erase(rest.begin(), rest.end());
  if (given_.dry_run) return names;
  Words unknown;
  Words nodes;
  checks_.look([&] { nodes = slurm_.nodes_named(names, unknown); });
  for (const std::string& name : unknown)
    checks_.note("Slurm has no node " + name + ", so it is not left out");
  return nodes;
}

JobScript SubmitJob::script(const JobNames& names, const fs::path& bad_nodes, const fs::path& file,
                            const Settings& first) const {
  JobScript script;
  script.kind = names.kind;
  script.written_by = std::string("Written by `catamaran submit`, version ") + version() + " (" +
                      git_id() + "):\n  " + printable(given_.command_line);
  script.options = sbatch_options(shape_, given_.job, site_, names);
  script.environment = environment_lines(site_);
  script.settings = first;
  const Settings common =
      common_settings(shape_, given_.job, site_, own_program(), bad_nodes, file);
  script.settings.insert(script.settings.end(), common.begin(), common.end());
  return script;
}

Submission SubmitJob::submission(const std::string& job_id, const fs::path& script,
                                 const Words& command, const Words& excluded) const {
  return {.job_id = job_id,
          .unix_seconds = unix_seconds(),
          .script = script.string(),
          .command = shell_command(command),
          .partition = shape_.partition,
          .nodes = shape_.nodes,
          .ranks = shape_.ranks(),
          .seconds = shape_.seconds,
          .excluded = excluded};
}

void SubmitJob::print(const std::vector<Submission>& jobs, const Words& scripts,
                      const std::string& what, nlohmann::json more) const {
  if (given_.json) {
    more["submitted"] = nlohmann::json::array();
    for (const Submission& job : jobs)
      more["submitted"].push_back(nlohmann::json::parse(submission_json(job)));
    more["notes"] = checks_.notes();
    more["site"] = site_.file.string();
    if (given_.dry_run) more["scripts"] = scripts;
    std::printf("%s\n", json_text(more).c_str());
    return;
  }
  for (const std::string& note : checks_.notes()) log::info(note);
  if (given_.dry_run) {
    for (const std::string& script : scripts) std::fputs(script.c_str(), stdout);
    log::info("nothing was submitted: " + shape_.text());
    return;
  }
  for (const Submission& job : jobs) {
    std::printf("submitted job %s: %s, %s\n  %s\n", job.job_id.c_str(), printable(what).c_str(),
                shape_.text().c_str(), printable(job.command).c_str());
  }
}

fs::path submit_path(const fs::path& given, const std::string& option) {
  const fs::path whole = normal_path(given);
  const std::string text = whole.string();
  if (!has_line_break(text) && is_utf8(text) && text.find('\\') == std::string::npos) return whole;
  throw UsageError("a path with control characters or \\ cannot stand in a job script",
                   option + " " + printable(text), "rename the folder, or choose another");
}

std::string discovery_setting(const ResolvedConfig& config, const SiteFile& site) {
  constexpr const char* kKey = "monitoring.discovery_folder";
  const auto entry = std::ranges::find(config.entries, kKey, &ConfigEntry::key);
  const bool is_free = entry != config.entries.end() && entry->source == "default";
  return site.discovery.empty() || !is_free ? ""
                                            : std::string(kKey) + "=" + toml_text(site.discovery);
}

fs::path current_folder() {
  std::error_code code;
  const fs::path folder = fs::current_path(code);
  if (!code) return submit_path(folder, "the current folder");
  throw UsageError(with_errno("it is gone", code.value()), "the current folder",
                   "change to one that is there");
}

}  // namespace catamaran
