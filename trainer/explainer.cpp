#include "trainer/explainer.h"

#include <nlohmann/json.hpp>

#include "dataio/batch.h"
#include "trainer/device_batch.h"
#include "trainer/thresholds.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// "runs/cat/checkpoints/step-00000123" is the run "cat".
std::string model_name(const fs::path& checkpoint) {
  std::error_code code;
  fs::path path = fs::weakly_canonical(fs::absolute(checkpoint, code), code);
  if (!path.has_filename()) path = path.parent_path();
  if (path.extension() == ".safetensors" && fs::exists(path.parent_path() / "state.json", code))
    path = path.parent_path();
  if (path.parent_path().filename() == "checkpoints") path = path.parent_path().parent_path();
  return path.filename().string();
}

}  // namespace

Explainer::Explainer(const fs::path& checkpoint, const fs::path& thresholds,
                     const ExplainRequest& request)
    : name_(model_name(checkpoint)), model_(checkpoint, request.weights, Numbers::kFast) {
  thresholds_ = thresholds_for(thresholds, request.threshold, {model_.classes(), checkpoint});
}

CatOutput Explainer::look_at(const SourcePicture& picture, bool with_class_maps, Region& seen) {
  const InputOptions& input = model_.input();
  Batch batch;
  batch.images = 1;
  batch.height = batch.width = input.size;
  batch.pixels = plain_host_allocator()(input.size * input.size * 3);
  const ImageSize size = read_jpeg_size(picture.jpeg, picture.name);
  const Placement placement = evaluation_placement(size, model_.center_crop(), input.size);
  decoder_.decode(picture.jpeg, placement, input.size, batch.pixels.get(), picture.name);
  const torch::Tensor x_BCHW = to_device(batch, input, {}, torch::Device(torch::kCPU)).x_BCHW;
  seen = seen_region(size, placement, input.size);
  CatOutput output = model_.cat().forward(x_BCHW, with_class_maps);
  require_numbers(output.yhat_BL, model_.file());
  return output;
}

std::vector<float> Explainer::score(const SourcePicture& picture) {
  const torch::InferenceMode inference;
  Region seen;
  const torch::Tensor logit_L =
      look_at(picture, /*with_class_maps=*/false, seen).yhat_BL[0].to(torch::kFloat32).contiguous();
  return {logit_L.data_ptr<float>(), logit_L.data_ptr<float>() + logit_L.numel()};
}

Answer Explainer::ask(const SourcePicture& picture) {
  const torch::InferenceMode inference;
  Answer answer;
  const CatOutput output = look_at(picture, /*with_class_maps=*/true, answer.seen);
  answer.logit_L = output.yhat_BL[0].to(torch::kFloat32);
  const torch::Tensor p_L = torch::sigmoid(answer.logit_L.to(torch::kFloat64)).contiguous();
  answer.probabilities.assign(p_L.data_ptr<double>(), p_L.data_ptr<double>() + p_L.numel());
  answer.cam = activation_maps(model_.cat(), output, 0);
  return answer;
}

nlohmann::json Explainer::description() {
  return {{"name", name_},
          {"weights", model_.file().string()},
          {"pool", model_.cat().options().head.pool},
          {"input_size", model_.input().size}};
}

}  // namespace catamaran
