#include <cstdio>
#include <memory>

#include "launch/command.h"
#include "launch/path_checks.h"
#include "launch/scoring_options.h"
#include "support/atomic_file.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/thresholds.h"

namespace catamaran {
namespace {

struct FitArguments {
  ScoringOptions scoring;
  std::string objective = "f1";
  int64_t least_positives = 1;
  bool allow_training_pack = false;
  std::filesystem::path out;
};

void print(const ScoreTable& table, const std::vector<FittedThreshold>& fitted) {
  int64_t kept = 0;
  double at_default = 0;
  double best = 0;
  int64_t with_positives = 0;
  for (size_t c = 0; c < fitted.size(); ++c) {
    const FittedThreshold& fit = fitted[c];
    const std::string name = printable(table.classes[c]);
    kept += fit.fitted ? 0 : 1;
    with_positives += fit.positives > 0 ? 1 : 0;
    at_default += fit.f_at_default;
    best += fit.f;
    if (fit.fitted) {
      std::printf("  %-24s %6.4f   F %6.2f, at 0.5 %6.2f   (%ld positives)\n", name.c_str(),
                  fit.threshold, 100 * fit.f, 100 * fit.f_at_default, fit.positives);
    } else {
      std::printf("  %-24s 0.5      not fitted: %ld positives\n", name.c_str(), fit.positives);
    }
  }
  const double classes = with_positives > 0 ? static_cast<double>(with_positives) : 1;
  std::printf("%zu classes, mean F %.2f over those with positives (at 0.5: %.2f)\n", fitted.size(),
              100 * best / classes, 100 * at_default / classes);
  if (kept > 0) std::printf("%ld classes have too few positives in this pack and keep 0.5\n", kept);
}

int run(const FitArguments& given, int& argc, char**& argv) {
  ThresholdRecord record;
  record.request = given.scoring.request;
  record.objective.beta = given.objective == "f2" ? 2 : given.objective == "f0.5" ? 0.5 : 1;
  record.objective.least_positives = given.least_positives;
  const auto before = [&] {
    require_writable_target(given.out, ErrorKind::kUsage);
    record.held_out = require_held_out(given.scoring.request, given.allow_training_pack);
    if (record.held_out == HeldOut::kNotKnown)
      log::info(
          "the checkpoint does not say what it was trained on; be sure that it was not this pack");
    if (record.held_out == HeldOut::kNo)
      log::info(
          "fitting on the pack of the training: the thresholds will be too sure of themselves");
  };
  return score_on_ranks(given.scoring, argc, argv, before, [&](const ScoreTable& table) {
    record.fitted = fit_thresholds(table, record.objective);
    write_thresholds(given.out, record, table);
    print(table, record.fitted);
  });
}

}  // namespace

void add_thresholds_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* thresholds =
      app.add_subcommand("thresholds", "The probability from which each class counts as present");
  thresholds->require_subcommand(1);
  CLI::App* fit = thresholds->add_subcommand(
      "fit", "Fit one threshold per class on a validation pack, so that the class's F1 is highest");
  const auto given = std::make_shared<FitArguments>();
  add_scoring_options(*fit, given->scoring);
  fit->add_option("--objective", given->objective, "f1; f2 weighs recall more, f0.5 precision")
      ->check(CLI::IsMember({"f1", "f2", "f0.5"}))
      ->capture_default_str();
  fit->add_option("--least-positives", given->least_positives,
                  "a class with fewer in the pack keeps 0.5")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  fit->add_flag("--allow-training-pack", given->allow_training_pack,
                "fit on the pack the model was trained on all the same; the file records it");
  fit->add_option("--out", given->out,
                  "the JSON file; predict, explain and eval take it as --thresholds")
      ->check(result_file({".json"}))
      ->required();
  const char* example =
      "Example: catamaran thresholds fit --checkpoint runs/voc --data packs/voc07-val --out "
      "runs/voc/thresholds.json\n"
      "         catamaran predict --checkpoint runs/voc --thresholds runs/voc/thresholds.json "
      "photos/";
  fit->footer(example);
  thresholds->footer(example);
  fit->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
