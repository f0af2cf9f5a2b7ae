#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "launch/command.h"
#include "support/json.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

struct PredictArguments {
  std::filesystem::path checkpoint;
  std::vector<std::filesystem::path> images;
  std::string weights = "auto";
  double threshold = 0.5;
  int64_t top = 5;
  bool json = false;
};

int run(const PredictArguments& given) {
  const auto cores = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  nlohmann::json all = nlohmann::json::array();
  for (const Prediction& prediction :
       predict(given.checkpoint, given.images, given.weights, cores)) {
    nlohmann::json labels = nlohmann::json::array();
    if (!given.json) std::printf("%s\n", prediction.image.c_str());
    for (size_t i = 0; i < prediction.labels.size() && static_cast<int64_t>(i) < given.top; ++i) {
      const LabelScore& score = prediction.labels[i];
      labels.push_back({{"label", score.label},
                        {"probability", score.probability},
                        {"present", score.probability >= given.threshold}});
      if (!given.json)
        std::printf("  %s %6.2f %%  %s\n", score.probability >= given.threshold ? "*" : " ",
                    100 * score.probability, score.label.c_str());
    }
    all.push_back({{"image", prediction.image}, {"labels", labels}});
  }
  if (given.json) std::printf("%s\n", json_text(all).c_str());
  return 0;
}

}  // namespace

void add_predict_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* predict = app.add_subcommand(
      "predict", "Labels and probabilities of pictures; * marks those over the threshold");
  const auto given = std::make_shared<PredictArguments>();
  predict
      ->add_option("--checkpoint", given->checkpoint,
                   "run directory, checkpoint folder or .safetensors file")
      ->required();
  predict->add_option("images", given->images, "JPEG files")->required();
  predict->add_option("--weights", given->weights, "auto: ema if there, else raw")
      ->check(CLI::IsMember({"auto", "ema", "raw"}))
      ->capture_default_str();
  predict
      ->add_option("--threshold", given->threshold,
                   "probability from which a label counts as present")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  predict->add_option("--top", given->top, "labels shown per picture")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  predict->add_flag("--json", given->json, "print as JSON");
  predict->footer("Example: catamaran predict --checkpoint runs/voc photo.jpg");
  predict->callback([&slot, given] { slot.work = [given](int&, char**&) { return run(*given); }; });
}

}  // namespace catamaran
