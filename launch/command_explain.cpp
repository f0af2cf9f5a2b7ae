#include <cstdio>
#include <memory>

#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/threads_option.h"
#include "launch/weights_option.h"
#include "support/heap.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/explain_api.h"

namespace catamaran {
namespace {

int run(const ExplainRequest& given) {
  keep_freed_memory();
  ExplainRequest request = given;
  request.threads = threads_or_cores(request.threads);
  const auto show = [&](const Explanation& e) {
    const std::string model = request.compare.empty() ? "" : printable(e.model) + "  ";
    std::printf("%s  %s%-20s %6.2f %%  %-9s %s\n", printable(e.image).c_str(), model.c_str(),
                printable(e.label).c_str(), 100 * e.probability, e.verdict.c_str(),
                e.overlay.c_str());
  };
  const auto warn = [](const std::string& reason) {
    std::fflush(stdout);  // keeps the order on a terminal
    log::warn("not explained: " + printable(reason));
  };
  const ExplainCounts counts = explain(request, show, warn);
  if (counts.failed == 0) return kExitDone;
  log::error(text("%ld of %ld pictures could not be explained", counts.failed,
                  counts.failed + counts.explained));
  return exit_code(ErrorKind::kData);
}

void add_sources(CLI::App& explain, ExplainRequest& request) {
  explain.add_option("pictures", request.inputs,
                     "JPEG files, folders, patterns in quotes, or - for a list on standard input");
  CLI::Option* manifest = explain.add_option(
      "--manifest", request.manifest,
      "the truth of the pictures (or the pictures, where none are named): JSON lines or CSV "
      "as `catamaran pack manifest` takes them");
  explain
      .add_option("--images", request.images,
                  "folder of the manifest's pictures; where the manifest is, if not given")
      ->needs(manifest);
  CLI::Option* pack =
      explain.add_option("--data", request.pack, "pictures and truth from this pack");
  CLI::Option* ids = explain.add_option("--ids", request.ids, "its images of these ids")
                         ->expected(1, 100000)
                         ->needs(pack);
  explain
      .add_option("--count", request.count,
                  "or its first so many; 8 if not given, all of them for --best and --worst")
      ->needs(pack)
      ->excludes(ids)
      ->check(at_least(1));
  explain
      .add_option("--best", request.best,
                  "of these images, so many on which the model does best: the lowest loss")
      ->needs(pack)
      ->excludes(ids)
      ->check(at_least(1));
  explain
      .add_option("--worst", request.worst,
                  "and so many on which it does worst; the report shows both")
      ->needs(pack)
      ->excludes(ids)
      ->check(at_least(1));
  explain
      .add_option("--scores", request.scores,
                  "file of `catamaran eval --scores` on the pack, so that --best and --worst need "
                  "not look at every image again")
      ->needs(pack)
      ->check(not_empty());
}

}  // namespace

void add_explain_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* explain = app.add_subcommand(
      "explain", "Class activation maps over pictures, one PNG per label and a sheet per picture");
  const auto given = std::make_shared<ExplainRequest>();
  explain
      ->add_option(
          "--checkpoint", given->checkpoint,
          "run directory, checkpoint folder (RUN/checkpoints/best, too) or .safetensors file")
      ->check(not_empty())
      ->required();
  CLI::Option* compare =
      explain
          ->add_option("--compare", given->compare,
                       "a second checkpoint, whose maps stand below the first's on the sheets")
          ->check(not_empty());
  add_sources(*explain, *given);
  explain
      ->add_option(
          "--out", given->out,
          "folder of the pictures, arrays and explain.json; RUN/explain puts them into the "
          "report")
      ->check(result_folder())
      ->required();
  explain->add_option("--most", given->most, "predicted labels per picture at most")
      ->check(at_least(1))
      ->capture_default_str();
  CLI::Option* threshold =
      explain
          ->add_option("--threshold", given->threshold,
                       "probability from which a label is shown; the first one always is")
          ->check(probability())
          ->capture_default_str();
  explain
      ->add_option("--thresholds", given->thresholds,
                   "file of `catamaran thresholds fit`: a threshold per class")
      ->check(not_empty())
      ->excludes(threshold);
  explain
      ->add_option("--compare-thresholds", given->compare_thresholds,
                   "the same for the second checkpoint; without it, --threshold")
      ->check(not_empty())
      ->needs(compare);
  add_weights_option(*explain, given->weights);
  add_threads_option(*explain, given->threads);
  explain->footer(
      "Examples: catamaran explain --checkpoint runs/voc photo.jpg --out runs/voc/explain\n"
      "          catamaran explain --checkpoint runs/voc --data packs/voc07-test --count 12 --out "
      "seen\n"
      "          catamaran explain --checkpoint runs/voc --data packs/voc07-test --best 4 --worst "
      "4 "
      "--out runs/voc/explain\n"
      "          catamaran explain --checkpoint runs/backbone --compare runs/cat --manifest "
      "labels.jsonl photos/ --images photos --out seen");
  explain->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
