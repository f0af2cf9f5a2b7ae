#include <unistd.h>

#include <memory>

#include "launch/command.h"
#include "launch/exit_code.h"
#include "launch/path_checks.h"
#include "launch/prediction_writers.h"
#include "launch/threads_option.h"
#include "launch/weights_option.h"
#include "support/heap.h"
#include "support/log.h"
#include "trainer/thresholds.h"

namespace catamaran {
namespace {

struct PredictArguments {
  PredictRequest request;
  std::filesystem::path thresholds;
  double threshold = kDefaultThreshold;
  int64_t top = 5;
  std::string format = "table";
  bool json = false;
  std::string out;
};

int run(const PredictArguments& given) {
  keep_freed_memory();
  require_different_files(
      "--out", given.out,
      {{"--thresholds", given.thresholds}, {"--checkpoint", given.request.checkpoint}});
  PredictRequest request = given.request;
  request.threads = threads_or_cores(request.threads);
  // On a terminal the predictions themselves show how far it is.
  request.progress = !given.out.empty() || ::isatty(STDOUT_FILENO) == 0;
  WriterOptions options;
  options.top = given.top;
  options.thresholds = [&](const std::vector<std::string>& classes) {
    return thresholds_for(given.thresholds, given.threshold,
                          {classes, request.checkpoint, request.augment});
  };
  const std::unique_ptr<Output> out = open_output(given.out);
  const auto writer = prediction_writer(given.json ? "json" : given.format, *out, options);
  const PredictCounts counts = predict(request, *writer);
  writer->end();
  out->commit();
  if (counts.failed == 0) return kExitDone;
  log::error(text("%ld of %ld pictures could not be predicted", counts.failed,
                  counts.failed + counts.predicted));
  return exit_code(ErrorKind::kData);
}

}  // namespace

void add_predict_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* predict = app.add_subcommand(
      "predict", "Labels and probabilities of pictures; * marks those at or over their threshold");
  const auto given = std::make_shared<PredictArguments>();
  PredictRequest& request = given->request;
  predict
      ->add_option(
          "--checkpoint", request.checkpoint,
          "run directory, checkpoint folder (RUN/checkpoints/best, too) or .safetensors file")
      ->check(not_empty())
      ->required();
  predict
      ->add_option("images", request.inputs,
                   "JPEG files, folders (with all *.jpg and *.jpeg in and below them), patterns in "
                   "quotes, or - for a list on standard input, one path a line")
      ->required();
  predict->add_option("--format", given->format, "table, json, jsonl (an object a line), csv")
      ->check(CLI::IsMember(prediction_formats()))
      ->capture_default_str();
  predict->add_flag("--json", given->json, "the same as --format json")
      ->excludes(predict->get_option("--format"));
  predict
      ->add_option("--out", given->out,
                   "write to this file, which appears when all is done, instead of printing")
      ->check(result_file({".txt", ".json", ".jsonl", ".csv"}));
  predict->add_option("--top", given->top, "labels shown per picture, the most probable; 0: all")
      ->check(at_least(0))
      ->capture_default_str();
  CLI::Option* threshold = predict
                               ->add_option("--threshold", given->threshold,
                                            "probability from which a label counts as present")
                               ->check(probability())
                               ->capture_default_str();
  predict
      ->add_option("--thresholds", given->thresholds,
                   "file of `catamaran thresholds fit`: a threshold per class")
      ->check(not_empty())
      ->excludes(threshold);
  predict
      ->add_option("--augment", request.augment,
                   "none; flip: the mean over the picture and its mirror image")
      ->check(CLI::IsMember({"none", "flip"}))
      ->capture_default_str();
  predict->add_option("--batch", request.batch, "pictures the model sees at a time")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  add_threads_option(*predict, request.threads);
  add_weights_option(*predict, request.weights);
  predict->add_flag(
      "--strict", request.strict,
      "stop at the first broken picture; otherwise the rest is predicted and the exit "
      "code is 3 at the end");
  predict->footer(
      "Examples: catamaran predict --checkpoint runs/voc photo.jpg photos/ 'more/*.jpeg'\n"
      "          find archive -name '*.jpg' | catamaran predict --checkpoint runs/voc --format "
      "jsonl --out all.jsonl -");
  predict->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
