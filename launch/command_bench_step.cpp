#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "launch/command_bench.h"
#include "launch/config.h"
#include "launch/path_checks.h"
#include "launch/rank_session.h"
#include "support/atomic_file.h"
#include "support/json.h"
#include "trainer/step_bench.h"

namespace catamaran {
namespace {

struct BenchStepArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  StepBenchOptions bench;
  std::filesystem::path out;
  bool json = false;
};

// docs/formats.md
nlohmann::json step_json(const StepBench& bench, const RunOptions& options) {
  nlohmann::json gradients = nlohmann::json::array();
  for (size_t g = 0; g < bench.gradient_names.size(); ++g) {
    gradients.push_back({{"name", bench.gradient_names[g]},
                         {"bytes", bench.step.gradients[g].bytes},
                         {"seconds", bench.step.gradients[g].seconds}});
  }
  return {{"format_version", 1},
          {"device", bench.device},
          {"threads", bench.threads},
          {"precision", options.precision.compute},
          {"backbone", options.model.backbone.name},
          {"input_size", options.model.input.size},
          {"parameters", bench.parameters},
          {"images", bench.step.images},
          {"forward_seconds", bench.step.forward_seconds},
          {"backward_seconds", bench.step.backward_seconds},
          {"optimizer_seconds", bench.step.optimizer_seconds},
          {"spread", bench.step.spread},
          {"step_seconds", bench.step_seconds},
          {"gradients", gradients}};
}

void print_step(const StepBench& bench) {
  const MeasuredStep& step = bench.step;
  const double whole = step.forward_seconds + step.backward_seconds + step.optimizer_seconds;
  std::printf("%ld images on %s, %ld thread(s): %.2f ms a step, %.1f images/s\n", step.images,
              bench.device.c_str(), bench.threads, 1e3 * whole,
              static_cast<double>(step.images) / whole);
  std::printf("forward %.2f ms, backward %.2f ms, optimizer %.2f ms, spread of a step %.1f %%\n",
              1e3 * step.forward_seconds, 1e3 * step.backward_seconds, 1e3 * step.optimizer_seconds,
              100 * step.spread);
  std::printf("%zu gradients, the first after %.2f ms of backward, the last after %.2f ms\n",
              step.gradients.size(), 1e3 * step.gradients.front().seconds,
              1e3 * step.gradients.back().seconds);
}

int bench_the_step(const BenchStepArguments& given, int& argc, char**& argv) {
  std::vector<std::string> overrides = given.overrides;
  overrides.insert(overrides.begin(), "data.train=none");  // a step on random images reads no pack
  const RunOptions options = resolve_config(given.config, overrides).options;
  if (!given.out.empty()) require_writable_target(given.out, ErrorKind::kUsage);
  RankSession ranks(argc, argv, options.comm);
  if (ranks.group().world() > 1)
    throw UsageError("is of one rank", "bench step", "start it without mpirun, srun or --ranks");
  const StepBench bench = bench_step(options, given.bench, ranks.group());
  const std::string text = json_text(step_json(bench, options)) + "\n";
  if (given.json) {
    std::fputs(text.c_str(), stdout);
  } else {
    print_step(bench);
  }
  if (!given.out.empty()) write_file_atomically(given.out, text, ErrorKind::kUsage);
  return 0;
}

}  // namespace

void add_bench_step(CLI::App& bench, CommandSlot& slot) {
  const auto given = std::make_shared<BenchStepArguments>();
  CLI::App* command = bench.add_subcommand(
      "step", "A training step of one device on random images, for `catamaran plan --step`");
  command->add_option("--config", given->config, "TOML file")->check(not_empty())->required();
  command->add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  command->add_option("--labels", given->bench.labels, "number of labels")
      ->check(CLI::Range(int64_t{1}, kMostLabels))
      ->capture_default_str();
  command->add_option("--steps", given->bench.steps, "steps to measure, after three that are not")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--out", given->out, "write what was measured to this JSON file")
      ->check(result_file({".json"}));
  command->add_flag("--json", given->json, "print the numbers as JSON");
  command->footer(
      "Example: catamaran bench step --config configs/coco2014/paper/cat.toml --out step.json");
  command->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return bench_the_step(*given, argc, argv); };
  });
}

}  // namespace catamaran
