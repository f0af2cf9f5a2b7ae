#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "dataio/pack.h"
#include "launch/command.h"
#include "launch/config.h"
#include "launch/path_checks.h"
#include "launch/plan_scaling.h"
#include "launch/plan_table.h"
#include "model/options.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kCocoLabels = 80;

struct PlanArguments {
  std::vector<fs::path> configs;
  std::vector<std::string> overrides;
  int64_t labels = 0;
  bool sweep = false;
  bool json = false;
  ScalingArguments scaling;
};

// What the user says, else what the training pack says; nothing where neither does.
std::optional<int64_t> labels_of(const PlanArguments& given, const RunOptions& options) {
  if (given.labels > 0) return given.labels;
  if (fs::exists(fs::path(options.data.train) / "pack.json"))
    return static_cast<int64_t>(read_pack_manifest(options.data.train).classes.size());
  return std::nullopt;
}

// The model runs once, on one image.
PlannedConfig plan_one(const fs::path& file, const RunOptions& options, int64_t labels) {
  try {
    return plan_config(file.string(), options, labels);
  } catch (const std::exception& problem) {
    if (!is_out_of_memory(problem)) throw;
    const std::string side = std::to_string(options.model.input.size);
    throw UsageError("one image of " + side + " x " + side +
                         " pixels takes more memory than this machine has, and so would a device",
                     file.string(), "lower model.input.size, or plan on a larger machine");
  }
}

int print_growth(const PlanArguments& given) {
  const std::vector<GrowthRow> rows = measure_growth(AttentionOptions());
  if (given.json) {
    const nlohmann::json root = {{"growth", growth_json(rows)}};
    std::printf("%s\n", json_text(root).c_str());
  } else {
    std::fputs(growth_text(rows).c_str(), stdout);
  }
  return 0;
}

void require_scaling(const PlanArguments& given) {
  if (given.scaling.wanted() && given.configs.size() > 1)
    throw UsageError("many devices are planned for one configuration", "--config", "give one");
  if (!given.scaling.wanted() && !given.scaling.plot.empty())
    throw UsageError("the time of a step is not known", "--plot",
                     "give --step FILE (catamaran bench step), --gpu NAME or --step-seconds");
}

int plan(const PlanArguments& given) {
  if (given.sweep) return print_growth(given);
  if (given.configs.empty())
    throw UsageError("no configuration was given", "--config",
                     "name one or several TOML files, or use --sweep");
  require_scaling(given);
  std::vector<PlannedConfig> planned;
  for (const fs::path& file : given.configs) {
    const RunOptions options = resolve_config(file, given.overrides).options;
    const std::optional<int64_t> labels = labels_of(given, options);
    planned.push_back(plan_one(file, options, labels.value_or(kCocoLabels)));
    planned.back().labels_assumed = !labels;
  }
  std::optional<ScalingPlan> scaling;
  if (given.scaling.wanted()) scaling = plan_scaling(given.scaling, planned.front());
  if (scaling && !given.scaling.plot.empty()) plot_scaling(given.scaling.plot, *scaling);
  if (given.json) {
    nlohmann::json root = {{"configs", nlohmann::json::array()}};
    for (const PlannedConfig& each : planned) root["configs"].push_back(plan_json(each));
    if (scaling) root["configs"][0]["scaling"] = scaling_json(*scaling);
    std::printf("%s\n", json_text(root).c_str());
  } else {
    const std::string table =
        planned.size() == 1 ? plan_text(planned.front()) : comparison_text(planned);
    std::fputs(table.c_str(), stdout);
    if (scaling) std::fputs(scaling_text(*scaling).c_str(), stdout);
  }
  return 0;
}

}  // namespace

void add_plan_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* command = app.add_subcommand(
      "plan", "What a configuration costs, before a job is submitted: operations, memory, cards");
  const auto given = std::make_shared<PlanArguments>();
  command->add_option("--config", given->configs, "TOML file; several are compared, a line each")
      ->check(not_empty());
  command->add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  command
      ->add_option("--labels", given->labels,
                   "number of labels; otherwise that of the pack data.train, or 80 without one")
      ->check(CLI::Range(int64_t{1}, kMostLabels));
  command->add_flag("--sweep", given->sweep,
                    "instead: how one attention block grows with the lower level's area");
  command->add_flag("--json", given->json, "print as JSON");
  add_scaling_options(*command, given->scaling);
  command->footer(
      "Example: catamaran plan --config configs/coco2014/paper/cat.toml --set "
      "batch.per_device=32 --gpu a100 --ranks 1,8,64,512");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return plan(*given); }; });
}

}  // namespace catamaran
