#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "drawing/png_file.h"
#include "launch/command.h"
#include "launch/config.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/rank_session.h"
#include "launch/rate_report.h"
#include "launch/self_launch.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/range_test_api.h"

namespace catamaran {
namespace {

constexpr int64_t kFewestSteps = 10;
constexpr int64_t kMostRangeSteps = 100'000;

struct LrFindArguments {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  double from = 1e-7;
  double to = 1;
  int64_t steps = 100;
  std::string out;
  bool json = false;
  int64_t ranks = 0;
};

void require_range(const LrFindArguments& given) {
  for (const auto& [option, rate] : {std::pair("--from", given.from), {"--to", given.to}}) {
    if (!(rate > 0) || !std::isfinite(rate))
      throw UsageError("must be positive and finite", option, "1e-7 to 1 is usual");
  }
  if (given.from >= given.to)
    throw UsageError("must be higher than --from", "--to", "1e-7 to 1 is usual");
}

void show(const LrFindArguments& given, const RateSearch& found, const RateSetting& setting) {
  if (!given.out.empty() && !found.trials.empty())
    write_png(given.out, rate_picture(found, setting));
  if (given.json) {
    std::printf("%s\n", json_text(rate_json(found, setting)).c_str());
  } else {
    std::fputs(rate_text(found, setting).c_str(), stdout);
  }
  std::fflush(stdout);
}

int run(const LrFindArguments& given, int& argc, char**& argv) {
  require_range(given);
  const ResolvedConfig config = resolve_config(given.config, given.overrides);
  if (!given.out.empty()) require_writable_target(given.out, ErrorKind::kUsage);
  if (given.ranks > 0) return launch_ranks(given.ranks, argc, argv, OnStop::kEnd);
  RankSession ranks(argc, argv, config.options.comm);
  ProcessGroup& group = ranks.group();
  RangeTestRequest request;
  request.options = config.options;
  request.resolved_config = config.toml;
  // The rates of the command line are those of the configuration.
  const RateSetting setting = {
      .config = given.config.string(),
      .factor = config.options.optimizer.learning_rate / config.options.learning_rate()};
  request.from = given.from / setting.factor;
  request.to = given.to / setting.factor;
  request.steps = given.steps;
  const RateSearch found = range_test(request, group);
  if (group.is_root()) show(given, found, setting);
  group.barrier();  // what was found is shown before any rank ends the others
  if (found.suggestion) return kExitDone;
  throw NumericsError(found.reason, "lr-find of " + given.config.string(),
                      "lower --from where it ran away at once; else raise --to, take more --steps, "
                      "or look at the labels and at optimizer.name");
}

}  // namespace

void add_lr_find_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* find = app.add_subcommand(
      "lr-find", "Which learning rate to train with: a range test of a configuration");
  const auto given = std::make_shared<LrFindArguments>();
  find->add_option("--config", given->config, "TOML file, as for train")
      ->check(not_empty())
      ->required();
  find->add_option("--set", given->overrides, "KEY=VALUE, over the file; may be repeated")
      ->take_all();
  find->add_option("--from", given->from, "lowest optimizer.learning_rate to try")
      ->capture_default_str();
  find->add_option("--to", given->to, "highest one; the test stops where the loss runs away")
      ->capture_default_str();
  find->add_option("--steps", given->steps, "rates to try, a step each")
      ->check(CLI::Range(kFewestSteps, kMostRangeSteps))
      ->capture_default_str();
  find->add_option("--out", given->out, "picture of the loss against the rate")->check(png_file());
  find->add_flag("--json", given->json, "print as JSON");
  find->add_option("--ranks", given->ranks, "start so many ranks on this machine (with mpirun)")
      ->check(CLI::Range(1, kMostRanks));
  find->footer(
      "Nothing else is written; the model is thrown away.\n"
      "Example: catamaran lr-find --config configs/cat.toml --set data.train=packs/voc07-trainval "
      "--out lr.png");
  find->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
