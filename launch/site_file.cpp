#include "launch/site_file.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>

#include "launch/duration.h"
#include "launch/shell_words.h"
#include "support/error.h"
#include "support/nearest.h"
#include "support/text.h"
#include "support/toml_reader.h"
#include "support/toml_text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

constexpr const char* kHere = "slurm/site.toml";
constexpr const char* kInstalled = "share/catamaran/slurm/site.toml";
constexpr int64_t kMostPerNode = 4096;
constexpr int64_t kMostSignalSeconds = 65535;  // sbatch takes no more
const Words kPartitionKeys = {"gpus_per_node", "gpu_request", "gpu_type", "ranks_per_node",
                              "cpus_per_task", "memory",      "time"};
// What job scripts say by themselves.
constexpr std::array kOwnOptions = {
    "--account",    "--array",       "--chdir",         "--constraint", "--cpus-per-task",
    "--dependency", "--exclude",     "--gpus-per-node", "--gres",       "--job-name",
    "--mem",        "--nodes",       "--no-requeue",    "--ntasks",     "--ntasks-per-node",
    "--open-mode",  "--output",      "--partition",     "--parsable",   "--qos",
    "--requeue",    "--reservation", "--signal",        "--time",       "--wrap"};

bool is_name(const std::string& word) {
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front())) == 0 &&
         std::ranges::all_of(word,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool is_memory(const std::string& word) {
  const size_t digits = std::min(word.find_first_not_of("0123456789"), word.size());
  const std::string unit = word.substr(digits);
  return digits > 0 && (unit.empty() ||
                        (unit.size() == 1 && std::string("KMGT").find(unit) != std::string::npos));
}

class Reading {
 public:
  explicit Reading(const fs::path& file) { site_.file = file; }

  SiteFile read() {
    reader_.load(site_.file);
    read_slurm();
    read_partitions();
    read_environment();
    read_container();
    read_launch();
    read_paths();
    if (const Words problems = reader_.problems(); !problems.empty()) refuse(problems);
    return std::move(site_);
  }

 private:
  void read_slurm() {
    word("slurm.partition", site_.partition);
    word("slurm.account", site_.account);
    word("slurm.qos", site_.qos);
    time("slurm.time", site_.time);
    word("slurm.constraint", site_.constraint);
    word("slurm.reservation", site_.reservation);
    words("slurm.options", site_.options);
    for (const std::string& option : site_.options) {
      if (const std::string wrong = problem_of_sbatch_option(option); !wrong.empty())
        problem("slurm.options", wrong);
    }
    reader_.read("slurm.signal_seconds", site_.signal_seconds);
    require(site_.signal_seconds >= 0 && site_.signal_seconds <= kMostSignalSeconds,
            "slurm.signal_seconds", "must be 0 to " + std::to_string(kMostSignalSeconds));
  }

  void read_partitions() {
    std::set<std::string> names;
    for (const TomlItem& item : reader_.read_table("partitions")) {
      const size_t dot = item.key.rfind('.');
      const std::string key = dot == std::string::npos ? "" : item.key.substr(dot + 1);
      if (key.empty()) {
        reader_.add_problem(item.source + ": partitions." + item.key +
                            " must be a table: [partitions." + item.key + "]");
      } else if (std::ranges::find(kPartitionKeys, key) == kPartitionKeys.end()) {
        reader_.add_problem(item.source + ": there is no key 'partitions." + item.key + "'" +
                            did_you_mean(key, kPartitionKeys));
      }
      if (!key.empty()) names.insert(item.key.substr(0, dot));
    }
    for (const std::string& name : names) read_partition("partitions." + name + ".", name);
    const bool known = site_.partition.empty() || names.empty() || names.contains(site_.partition);
    require(known, "slurm.partition",
            "there is no [partitions." + site_.partition + "]" +
                did_you_mean(site_.partition, {names.begin(), names.end()}));
  }

  void read_partition(const std::string& table, const std::string& name) {
    SitePartition& part = site_.partitions[name];
    const auto count = [&](const char* key, int64_t& value) {
      reader_.read(table + key, value);
      require(value >= 0 && value <= kMostPerNode, table + key,
              "must be 0 to " + std::to_string(kMostPerNode));
    };
    count("gpus_per_node", part.gpus_per_node);
    one_of(table + "gpu_request", part.gpu_request, {"gpus-per-node", "gres"});
    word(table + "gpu_type", part.gpu_type);
    count("ranks_per_node", part.ranks_per_node);
    count("cpus_per_task", part.cpus_per_task);
    word(table + "memory", part.memory);
    require(part.memory.empty() || is_memory(part.memory), table + "memory",
            "must be a number with K, M, G or T, as sbatch --mem takes it, for example \"64G\"");
    time(table + "time", part.time);
  }

  void read_environment() {
    words("environment.setup", site_.setup);
    words("environment.modules", site_.modules);
    words("environment.variables", site_.variables);
    for (const std::string& variable : site_.variables) {
      const size_t equals = variable.find('=');
      require(equals != std::string::npos && is_name(variable.substr(0, equals)),
              "environment.variables", "'" + variable + "' must be NAME=VALUE");
    }
  }

  void read_container() {
    one_of("container.kind", site_.container, {"none", "apptainer", "pyxis"});
    word("container.image", site_.image);
    words("container.mounts", site_.mounts);
    words("container.options", site_.container_options);
    require(site_.container == "none" || !site_.image.empty(), "container.image",
            "must name the image for container.kind = \"" + site_.container + "\"");
    for (const std::string& mount : site_.mounts) {
      require(mount.starts_with('/') && mount.find(',') == std::string::npos, "container.mounts",
              "'" + mount + "' must be a folder, or FROM:TO");
    }
  }

  void read_launch() {
    one_of("launch.launcher", site_.launcher, {"srun", "mpirun"});
    word("launch.mpi", site_.mpi);
    words("launch.options", site_.launcher_options);
    reader_.read("launch.node_check", site_.node_check);
    require(!site_.mpi.empty(), "launch.mpi", "must be one of `srun --mpi=list`");
    require(site_.container != "pyxis" || site_.launcher == "srun", "launch.launcher",
            "must be srun: pyxis is a part of it");
  }

  void read_paths() {
    word("paths.program", site_.program);
    word("paths.bad_nodes", site_.bad_nodes);
    word("paths.discovery", site_.discovery);
    const auto absolute = [&](const char* key, const std::string& path) {
      require(path.empty() || path.starts_with('/'), key,
              "'" + path + "' must be an absolute path: jobs begin in other folders");
    };
    if (site_.container == "none") absolute("paths.program", site_.program);
    absolute("paths.bad_nodes", site_.bad_nodes);
    absolute("paths.discovery", site_.discovery);
  }

  void word(const std::string& key, std::string& value) {
    reader_.read(key, value);
    require(!has_line_break(value), key, "must not have control characters");
  }

  void words(const std::string& key, Words& values) {
    const std::optional<Words> given = reader_.read_list(key);
    if (!given) return;
    for (const std::string& value : *given) {
      values.push_back(plain_of_toml(value));
      require(value.starts_with('"'), key, "must be a list of texts in quotes, not " + value);
      require(!has_line_break(values.back()), key, "must not have control characters");
    }
  }

  void time(const std::string& key, std::string& value) {
    word(key, value);
    if (value.empty()) return;
    try {
      parse_duration(value, key);
    } catch (const UsageError& wrong) {
      reader_.add_problem(reader_.source(key) + ": " + wrong.what());
    }
  }

  void one_of(const std::string& key, std::string& value, const Words& known) {
    word(key, value);
    std::string all;
    for (const std::string& each : known) all += (all.empty() ? "" : ", ") + each;
    require(std::ranges::find(known, value) != known.end(), key,
            "'" + printable(value) + "' is not known" + did_you_mean(value, known) +
                "; use one of " + all);
  }

  void require(bool holds, const std::string& key, const std::string& rule) {
    if (!holds) problem(key, rule);
  }
  void problem(const std::string& key, const std::string& rule) {
    reader_.add_problem(reader_.source(key) + ": " + key + ": " + rule);
  }

  [[noreturn]] void refuse(const Words& problems) const {
    std::string all = problems.size() == 1 ? "1 mistake:" : text("%zu mistakes:", problems.size());
    for (const std::string& one : problems) all += "\n  " + one;
    throw UsageError(all, site_.file.string(),
                     "`catamaran submit --example-site` prints a file with every key");
  }

  SiteFile site_;
  TomlReader reader_;
};

}  // namespace

SitePartition SiteFile::partition_named(const std::string& name) const {
  const auto found = partitions.find(name);
  if (found != partitions.end()) return found->second;
  if (partitions.empty() || name.empty()) return {};
  std::vector<std::string> known;
  std::string all;
  for (const auto& [each, part] : partitions) {
    known.push_back(each);
    all += (all.empty() ? "" : ", ") + each;
  }
  throw UsageError("the site file has no partition '" + name + "'" + did_you_mean(name, known),
                   file.string(), "use one of " + all + ", or add [partitions." + name + "]");
}

SiteFile read_site_file(const fs::path& file) { return Reading(file).read(); }

SiteFile find_site_file(const fs::path& given) {
  std::error_code code;
  if (!given.empty()) {
    if (!fs::is_regular_file(given, code))
      throw UsageError("there is no such file", given.string(),
                       "check --site; `catamaran submit --example-site` prints one");
    return read_site_file(given);
  }
  const fs::path program = fs::read_symlink("/proc/self/exe", code).parent_path();
  for (const fs::path& place : {fs::path(kHere), program.parent_path() / kInstalled}) {
    if (fs::is_regular_file(place, code)) return read_site_file(place);
  }
  return {};
}

std::string problem_of_sbatch_option(const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  if (!name.starts_with("--") || name.size() < 3)
    return "'" + printable(word) + "' must be one whole option of sbatch: --name or --name=value";
  if (has_line_break(word)) return "'" + printable(word) + "' must not have control characters";
  if (std::ranges::find(kOwnOptions, name) == kOwnOptions.end()) return "";
  return "'" + name + "' is said by the job script itself; use submit's own option, or its key";
}

}  // namespace catamaran
