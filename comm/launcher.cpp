#include "comm/launcher.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace catamaran {
namespace {

constexpr int64_t kFirstSpecialStep = 0xfffffff0;  // batch script, extern: no steps of srun
constexpr const char* kTopic = "launcher";

class Environment {
 public:
  explicit Environment(const Variable& variable) : variable_(variable) {}

  std::string text(const char* name) const {
    const char* value = variable_(name);
    return value == nullptr ? "" : value;
  }
  bool has(const char* name) const { return !text(name).empty(); }
  // The first of two names that is a whole number.
  int64_t number(const char* name, const char* other, int64_t missing) const {
    for (const char* one : {name, other}) {
      const std::string value = text(one);
      int64_t parsed = 0;
      const char* end = value.data() + value.size();
      const auto [rest, problem] = std::from_chars(value.data(), end, parsed);
      if (problem == std::errc() && rest == end) return parsed;
    }
    return missing;
  }

 private:
  const Variable& variable_;
};

}  // namespace

LauncherFacts read_launcher(const Variable& variable) {
  const Environment environment(variable);
  LauncherFacts facts;
  facts.has_pmix = environment.has("PMIX_RANK");
  facts.pmix_version = environment.text("PMIX_VERSION");
  facts.slurm_job = environment.text("SLURM_JOB_ID");
  const int64_t step = environment.number("SLURM_STEP_ID", "SLURM_STEPID", -1);
  if (environment.has("OMPI_COMM_WORLD_SIZE")) {
    facts.name = "mpirun";
    facts.rank = static_cast<int>(environment.number("OMPI_COMM_WORLD_RANK", "PMIX_RANK", -1));
    facts.local_rank = static_cast<int>(environment.number("OMPI_COMM_WORLD_LOCAL_RANK", "", -1));
    facts.processes = environment.number("OMPI_COMM_WORLD_SIZE", "", 1);
  } else if (step >= 0 && step < kFirstSpecialStep) {
    facts.name = "srun";
    facts.rank = static_cast<int>(environment.number("SLURM_PROCID", "PMIX_RANK", -1));
    facts.local_rank = static_cast<int>(environment.number("SLURM_LOCALID", "", -1));
    facts.processes = environment.number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", 1);
  } else if (facts.has_pmix || environment.has("PMI_RANK")) {
    facts.name = "another launcher";
    facts.rank = static_cast<int>(environment.number("PMIX_RANK", "PMI_RANK", -1));
    facts.processes = environment.number("PMI_SIZE", "", 1);
  }
  return facts;
}

LauncherFacts read_launcher() {
  return read_launcher(
      [](const char* name) -> const char* {  // NOLINTNEXTLINE(concurrency-mt-unsafe)
        return *name == '\0' ? nullptr : std::getenv(name);
      });
}

std::optional<Finding> launcher_problem(const LauncherFacts& launcher) {
  if (launcher.name != "srun" || launcher.has_pmix) return std::nullopt;
  return failure(kTopic, "srun has started this process without PMIx, so that MPI cannot start",
                 "give srun --mpi=pmix (`srun --mpi=list` tells whether this cluster has it), or "
                 "start the ranks with mpirun");
}

std::optional<Finding> world_problem(const LauncherFacts& launcher, int64_t world) {
  if (launcher.processes <= 1 || world == launcher.processes) return std::nullopt;
  return failure(kTopic,
                 launcher.name + " has started " + std::to_string(launcher.processes) +
                     " processes, and MPI sees " + std::to_string(world),
                 "start them with the launcher of the MPI that this program uses (`catamaran "
                 "--version` names it), or with srun --mpi=pmix");
}

}  // namespace catamaran
