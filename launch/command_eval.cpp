#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/pack.h"
#include "evaluation/protocol.h"
#include "launch/command.h"
#include "launch/path_checks.h"
#include "launch/scoring_options.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "trainer/thresholds.h"

namespace catamaran {
namespace {

struct EvalArguments {
  ScoringOptions scoring;
  EvaluationCrop view{.crop = "auto"};
  std::string protocol = "default";
  std::filesystem::path thresholds;
  std::filesystem::path scores;
  std::filesystem::path out;
  bool per_class = false;
  bool json = false;
};

void print_row(const char* name, const FMeasures& f) {
  std::printf("  %-6s OP %6.2f  OR %6.2f  OF1 %6.2f  CP %6.2f  CR %6.2f  CF1 %6.2f\n", name,
              100 * f.op, 100 * f.orr, 100 * f.of1, 100 * f.cp, 100 * f.cr, 100 * f.cf1);
}

void print(const Evaluation& e) {
  std::printf("protocol %-8s mAP %6.2f   (%ld images, %zu classes, %ld without positives)\n",
              e.protocol.name.c_str(), 100 * e.map, e.images, e.classes.size(),
              e.classes_without_positives);
  print_row("all", e.all);
  print_row("top-3", e.top3);
}

// One column per protocol, of the same classes.
void print_classes(const std::vector<Evaluation>& evaluations) {
  std::printf("%-24s", "AP");
  for (const Evaluation& e : evaluations) std::printf(" %8s", e.protocol.name.c_str());
  std::printf("\n");
  const std::vector<std::string>& classes = evaluations.front().classes;
  for (size_t c = 0; c < classes.size(); ++c) {
    std::printf("%-24s", classes[c].c_str());
    for (const Evaluation& e : evaluations) {
      if (e.ap[c]) {
        std::printf(" %8.2f", 100 * *e.ap[c]);
      } else {
        std::printf(" %8s", "none");
      }
    }
    std::printf("%s\n", evaluations.front().ap[c] ? "" : "   no positives");
  }
}

// How the scores were made, beside the numbers of the protocol.
nlohmann::json described(const Evaluation& evaluation, const EvaluateRequest& request) {
  nlohmann::json all = nlohmann::json::parse(evaluation_json(evaluation));
  all["augment"] = request.augment;
  all["crop"] = crop_name(request);
  all["models"] = 1 + request.ensemble.size();
  return all;
}

// thresholds: by class; none: the protocol's.
void report(const EvalArguments& given, const ScoreTable& table,
            const std::vector<std::string>& protocols, const std::vector<double>& thresholds) {
  const EvaluateRequest& request = given.scoring.request;
  if (!given.scores.empty()) write_scores(given.scores, table, request);
  if (!given.json && (request.augment != "none" || !request.ensemble.empty())) {
    std::printf("mean probability of %zu models, views: %s\n", 1 + request.ensemble.size(),
                request.augment.c_str());
  }
  nlohmann::json all = nlohmann::json::array();
  std::vector<Evaluation> evaluations;
  for (const std::string& name : protocols) {
    const Evaluation& evaluation =
        evaluations.emplace_back(evaluate(table, protocol(name), thresholds));
    all.push_back(described(evaluation, request));
    if (!thresholds.empty()) {
      all.back().erase("threshold");
      all.back()["thresholds"] = given.thresholds.string();
    }
    if (!given.json) print(evaluation);
  }
  if (!given.json && given.per_class) print_classes(evaluations);
  const std::string text = json_text(all.size() == 1 ? all.front() : all) + "\n";
  if (given.json) std::fputs(text.c_str(), stdout);
  if (!given.out.empty()) write_file_atomically(given.out, text, ErrorKind::kUsage);
}

int run(EvalArguments given, int& argc, char**& argv) {
  if (given.view.resize > 0 && given.view.crop != "center")
    throw UsageError("it is for the crop \"center\" alone", "--resize", "add --crop center");
  if (given.view.crop != "auto") given.scoring.request.view = given.view;
  const std::vector<std::string> names =
      given.protocol == "all" ? protocol_names()
                              : std::vector<std::string>{protocol(given.protocol).name};
  const EvaluateRequest& request = given.scoring.request;
  require_different_files("--out", given.out,
                          {{"--scores", given.scores},
                           {"--thresholds", given.thresholds},
                           {"--checkpoint", request.checkpoint}});
  require_different_files(
      "--scores", given.scores,
      {{"--thresholds", given.thresholds}, {"--checkpoint", request.checkpoint}});
  std::vector<double> thresholds;
  const auto before = [&] {  // what would be found out after the work
    for (const std::filesystem::path& target : {given.scores, given.out})
      if (!target.empty()) require_writable_target(target, ErrorKind::kUsage);
    if (given.thresholds.empty()) return;
    const std::vector<std::string> classes = read_pack_manifest(request.pack).classes;
    thresholds =
        thresholds_for(given.thresholds, kDefaultThreshold,
                       {classes, request.checkpoint, request.augment, 1 + request.ensemble.size()});
  };
  return score_on_ranks(given.scoring, argc, argv, before,
                        [&](const ScoreTable& table) { report(given, table, names, thresholds); });
}

}  // namespace

void add_eval_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* eval = app.add_subcommand(
      "eval", "Score a pack with trained weights: mAP, OP OR OF1 CP CR CF1, top-3");
  const auto given = std::make_shared<EvalArguments>();
  add_scoring_options(*eval, given->scoring);
  eval->add_option("--crop", given->view.crop,
                   "auto: as each model's training evaluated; none: the whole picture, squished; "
                   "center: the square in its middle")
      ->check(CLI::IsMember({"auto", "none", "center"}))
      ->capture_default_str();
  eval->add_option("--resize", given->view.resize,
                   "with --crop center: shorter side of the picture before, pixels; 8/7 of the "
                   "model's input if not given")
      ->check(CLI::Range(int64_t{1}, kLongestShorterSide));
  eval->add_option("--protocol", given->protocol, "default, mlgcn, voc2010, voc2007, or all")
      ->capture_default_str();
  eval->add_option("--thresholds", given->thresholds,
                   "file of `catamaran thresholds fit`: a threshold per class for OP to CF1")
      ->check(not_empty());
  eval->add_option("--scores", given->scores, "write every score to this HDF5 file")
      ->check(result_file({".h5", ".hdf5"}));
  eval->add_option("--out", given->out, "write the result to this JSON file")
      ->check(result_file({".json"}));
  eval->add_flag("--per-class", given->per_class, "AP of every class");
  eval->add_flag("--json", given->json, "print the result as JSON");
  eval->footer(
      "Example: catamaran eval --checkpoint runs/voc --data packs/voc07-test --protocol all "
      "--per-class\n"
      "         catamaran eval --checkpoint runs/a --ensemble runs/b runs/c --augment flip --data "
      "packs/voc07-test --scores scores.h5");
  eval->callback([&slot, given] {
    slot.work = [given](int& argc, char**& argv) { return run(*given, argc, argv); };
  });
}

}  // namespace catamaran
