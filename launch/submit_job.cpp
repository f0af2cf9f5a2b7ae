#include "launch/submit_job.h"

#include <algorithm>
#include <sstream>

#include "launch/bad_nodes.h"
#include "launch/duration.h"
#include "launch/shell_words.h"
#include "launch/version.h"
#include "support/error.h"
#include "support/problems.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr int64_t kMostNodes = 100'000;
constexpr int64_t kShortJob = 600;  // seconds: below, a warning up to a minute early would cost all

std::string joined(const Words& words, const char* between) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

std::string gpu_option(const JobShape& shape) {
  const std::string type = shape.part.gpu_type.empty() ? "" : shape.part.gpu_type + ":";
  const std::string count = type + std::to_string(shape.gpus_per_node);
  return shape.part.gpu_request == "gres" ? "--gres=gpu:" + count : "--gpus-per-node=" + count;
}

// What Slurm shows in its queue: no spaces, not too long.
std::string job_name(const std::string& wanted) {
  std::string name;
  for (const unsigned char c : wanted.substr(0, 64))
    name += c > ' ' && c < 0x7f && c != '%' && c != '/' ? static_cast<char>(c) : '_';
  return name.empty() ? "catamaran" : name;
}

Words container_words(const SiteFile& site) {
  Words words = {"--container-image=" + site.image};
  if (!site.mounts.empty()) words.push_back("--container-mounts=" + joined(site.mounts, ","));
  words.insert(words.end(), site.container_options.begin(), site.container_options.end());
  return words;
}

// What a task runs, up to the program's own arguments.
Words program_words(const JobShape& shape, const SiteFile& site, const std::string& program) {
  if (site.container == "none") return {site.program.empty() ? program : site.program};
  const std::string inside = site.program.empty() ? "catamaran" : site.program;
  if (site.container == "pyxis") return {inside};
  Words words = {"apptainer", "exec"};
  if (site.container_options.empty() && shape.gpus_per_node > 0) words.emplace_back("--nv");
  words.insert(words.end(), site.container_options.begin(), site.container_options.end());
  for (const std::string& mount : site.mounts) words.insert(words.end(), {"--bind", mount});
  words.insert(words.end(), {site.image, inside});
  return words;
}

std::string counted(int64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

}  // namespace

std::string JobShape::text() const {
  std::string all = counted(ranks(), "rank") + " on " + counted(nodes, "node");
  if (!partition.empty()) all += " of " + partition;
  if (gpus_per_node > 0) all += ", " + counted(gpus_per_node, "GPU") + " each";
  if (seconds > 0) all += ", " + slurm_time(seconds) + " at a time";
  return all;
}

JobShape job_shape(const JobWishes& wishes, const SiteFile& site) {
  JobShape shape;
  shape.partition = wishes.partition.empty() ? site.partition : wishes.partition;
  shape.part = site.partition_named(shape.partition);
  shape.nodes = wishes.nodes;
  shape.gpus_per_node = wishes.gpus_per_node >= 0 ? wishes.gpus_per_node : shape.part.gpus_per_node;
  shape.ranks_per_node =
      wishes.ranks_per_node > 0 ? wishes.ranks_per_node : shape.part.ranks_per_node;
  if (shape.ranks_per_node == 0) shape.ranks_per_node = std::max<int64_t>(1, shape.gpus_per_node);
  shape.cpus_per_task = wishes.cpus_per_task > 0 ? wishes.cpus_per_task : shape.part.cpus_per_task;
  Problems found;
  found.require(shape.nodes >= 1 && shape.nodes <= kMostNodes, "--nodes",
                "must be 1 to " + std::to_string(kMostNodes));
  found.require(
      shape.gpus_per_node == 0 || shape.ranks_per_node <= shape.gpus_per_node, "--ranks-per-node",
      counted(shape.ranks_per_node, "rank") + " on " + counted(shape.gpus_per_node, "GPU") +
          " of a node, and every rank needs one of its own",
      "give " + std::to_string(shape.gpus_per_node) + " or fewer, or --gpus-per-node");
  const std::vector<std::pair<const char*, std::string>> given = {{"--partition", wishes.partition},
                                                                  {"--account", wishes.account},
                                                                  {"--qos", wishes.qos},
                                                                  {"--name", wishes.name}};
  for (const auto& [option, word] : given)
    found.require(!has_line_break(word), option, "must not have control characters");
  for (const std::string& option : wishes.options) {
    const std::string wrong = problem_of_sbatch_option(option);
    found.require(wrong.empty(), "--sbatch", wrong);
  }
  const std::string& limit = !wishes.time.empty()       ? wishes.time
                             : !shape.part.time.empty() ? shape.part.time
                                                        : site.time;
  try {
    if (!limit.empty()) shape.seconds = parse_duration(limit, "--time");
    node_list(wishes.exclude, "--exclude");
  } catch (const UsageError& wrong) {
    found.add({wrong.what()});
  }
  throw_if_any(found.take());
  return shape;
}

Words sbatch_options(const JobShape& shape, const JobWishes& wishes, const SiteFile& site,
                     const JobNames& names) {
  Words options = {"--job-name=" + job_name(wishes.name.empty() ? names.job : wishes.name),
                   "--output=" + sbatch_file(names.log.parent_path().string()) + "/" +
                       names.log.filename().string(),
                   "--open-mode=append",
                   "--requeue",
                   "--chdir=" + names.folder.string(),
                   "--nodes=" + std::to_string(shape.nodes),
                   "--ntasks-per-node=" + std::to_string(shape.ranks_per_node)};
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) options.push_back(name + "=" + value);
  };
  const int64_t warning = signal_seconds(shape.seconds, site.signal_seconds);
  if (names.kind != "eval" && warning > 0) add("--signal", "B:USR1@" + std::to_string(warning));
  if (shape.cpus_per_task > 0) add("--cpus-per-task", std::to_string(shape.cpus_per_task));
  if (shape.gpus_per_node > 0) options.push_back(gpu_option(shape));
  add("--mem", shape.part.memory);
  if (shape.seconds > 0) add("--time", slurm_time(shape.seconds));
  add("--partition", shape.partition);
  add("--account", wishes.account.empty() ? site.account : wishes.account);
  add("--qos", wishes.qos.empty() ? site.qos : wishes.qos);
  add("--constraint", site.constraint);
  add("--reservation", site.reservation);
  add("--exclude", joined(names.excluded, ","));
  options.insert(options.end(), site.options.begin(), site.options.end());
  options.insert(options.end(), wishes.options.begin(), wishes.options.end());
  return options;
}

Words environment_lines(const SiteFile& site) {
  Words lines = site.setup;
  if (!site.modules.empty()) {
    lines.push_back("module load " + shell_command(site.modules) +
                    " || { echo 'slurm: error: module load failed' >&2; exit 2; }");
  }
  for (const std::string& variable : site.variables) {
    const size_t equals = variable.find('=');
    lines.push_back("export " + variable.substr(0, equals) + "=" +
                    shell_word(variable.substr(equals + 1)));
  }
  return lines;
}

Settings common_settings(const JobShape& shape, const JobWishes& wishes, const SiteFile& site,
                         const std::string& program, const fs::path& bad_nodes,
                         const fs::path& script) {
  const Words container = site.container == "pyxis" ? container_words(site) : Words();
  return {{"program", shell_list(program_words(shape, site, program))},
          {"launcher", site.launcher},
          {"mpi", shell_word(site.mpi)},
          {"launcher_options", shell_list(site.launcher_options)},
          {"container_options", shell_list(container)},
          {"node_check", site.node_check ? "yes" : "no"},
          {"bad_nodes", shell_word(site.bad_nodes.empty() ? bad_nodes.string() : site.bad_nodes)},
          {"exclude", shell_word(wishes.exclude)},
          {"script", shell_word(script.string())},
          {"git", shell_word(git_id())}};
}

std::string own_program() {
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  return code ? "catamaran" : self.string();
}

int64_t signal_seconds(int64_t seconds, int64_t wanted) {
  if (seconds == 0) return wanted;
  if (seconds < kShortJob) return 0;
  return std::min(wanted, seconds / 10);
}

std::string slurm_time(int64_t seconds) {
  return text("%ld-%02ld:%02ld:%02ld", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60,
              seconds % 60);
}

Words node_list(const std::string& given, const std::string& option) {
  Words nodes;
  std::istringstream list(given);
  for (std::string name; std::getline(list, name, ',');) {
    if (!is_node_name(name))
      throw UsageError("'" + printable(name) + "' is no node's name", option,
                       "write names between commas, without brackets: n3,n7");
    nodes.push_back(name);
  }
  return nodes;
}

}  // namespace catamaran
