#include "trainer/single_image.h"

#include <algorithm>

#include "dataio/batch.h"
#include "model/weights.h"
#include "support/error.h"
#include "support/file_descriptor.h"
#include "trainer/checkpoint.h"
#include "trainer/device_batch.h"

namespace catamaran {
namespace {

std::vector<uint8_t> read_whole(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  std::vector<uint8_t> bytes(static_cast<size_t>(file_bytes(file, path)));
  read_exactly_at(file, 0, bytes.data(), static_cast<int64_t>(bytes.size()), path);
  return bytes;
}

}  // namespace

SingleImageModel::SingleImageModel(const std::filesystem::path& checkpoint,
                                   const std::string& weights, int threads) {
  torch::set_num_threads(std::max(1, threads));
  cat_ = load_model(weights_file_of(checkpoint, weights), classes_);
  cat_->eval();
}

SingleImage SingleImageModel::load(const std::filesystem::path& file) {
  const std::vector<uint8_t> jpeg = read_whole(file);
  const InputOptions& input = cat_->options().input;
  Batch batch;
  batch.images = 1;
  batch.height = batch.width = input.size;
  batch.pixels = plain_host_allocator()(input.size * input.size * 3);
  SingleImage image;
  image.picture = decoder_.decode_whole(jpeg, file.string());
  decoder_.decode(jpeg, whole_image(image.picture.size), input.size, batch.pixels.get(),
                  file.string());
  image.x_BCHW = to_device(batch, input, DifficultRule::kIgnore, torch::Device(torch::kCPU)).x_BCHW;
  return image;
}

CatOutput SingleImageModel::forward(const SingleImage& image, bool with_class_maps) {
  const torch::InferenceMode inference;
  return cat_->forward(image.x_BCHW, with_class_maps);
}

std::vector<LabelScore> SingleImageModel::ranked(const CatOutput& output) const {
  const torch::Tensor probability_BL =
      torch::sigmoid(output.yhat_BL.to(torch::kFloat64)).contiguous();
  std::vector<LabelScore> scores;
  for (size_t l = 0; l < classes_.size(); ++l)
    scores.push_back({classes_[l], probability_BL.data_ptr<double>()[l]});
  std::stable_sort(scores.begin(), scores.end(), [](const LabelScore& a, const LabelScore& b) {
    return a.probability > b.probability;
  });
  return scores;
}

std::vector<Prediction> predict(const std::filesystem::path& checkpoint,
                                const std::vector<std::filesystem::path>& images,
                                const std::string& weights, int threads) {
  SingleImageModel model(checkpoint, weights, threads);
  std::vector<Prediction> predictions;
  for (const std::filesystem::path& path : images) {
    predictions.push_back({path.string(), model.ranked(model.forward(model.load(path), false))});
  }
  return predictions;
}

}  // namespace catamaran
