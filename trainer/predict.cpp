// predict of trainer/predict_api.h.
#include <algorithm>
#include <optional>

#include "dataio/batch.h"
#include "dataio/image_inputs.h"
#include "dataio/picture_reader.h"
#include "support/error.h"
#include "support/progress.h"
#include "trainer/device_batch.h"
#include "trainer/predict_api.h"
#include "trainer/prepared_model.h"
#include "trainer/views.h"

namespace catamaran {
namespace {

constexpr double kFirstProgressSeconds = 5;

// x_BCHW of pictures that were all read well.
torch::Tensor to_input(const std::vector<ReadPicture>& pictures, const InputOptions& input) {
  Batch batch;
  batch.images = std::ssize(pictures);
  batch.height = batch.width = input.size;
  const int64_t bytes = input.size * input.size * 3;
  batch.pixels = plain_host_allocator()(batch.images * bytes);
  for (int64_t i = 0; i < batch.images; ++i)
    std::copy_n(pictures[static_cast<size_t>(i)].pixels.data(), bytes,
                batch.pixels.get() + i * bytes);
  return to_device(batch, input, {}, torch::Device(torch::kCPU)).x_BCHW;
}

class Predictor {
 public:
  Predictor(const PredictRequest& request, PredictionSink& sink)
      : request_(request),
        sink_(sink),
        inputs_(request.inputs),
        model_(request.checkpoint, request.weights, Numbers::kFast),
        view_(views(request.augment, model_.input().size).front()),
        progress_("predicting", inputs_.count().value_or(0), "images", request.progress,
                  kFirstProgressSeconds) {}

  PredictCounts run() {
    sink_.begin(model_.classes());
    const int64_t decoders = std::max(1, request_.threads / 2);
    PictureReader reader({.size = model_.input().size,
                          .center_crop = model_.center_crop(),
                          .threads = decoders,
                          .ahead = 2 * request_.batch + decoders},
                         [&](const std::stop_token& stop) { return inputs_.next(stop); });
    for (auto read = reader.next_batch(request_.batch); !read.empty();
         read = reader.next_batch(request_.batch)) {
      const std::optional<ReadPicture> broken = take(read);
      progress_.advance(std::ssize(read));
      if (broken) {
        throw DataError(broken->error, "",
                        "leave it out, or go on past broken pictures without --strict");
      }
      sink_.pause();
    }
    return counts_;
  }

 private:
  // Predicts all that were read well and tells both kinds to the sink, in order. With strict, the
  // first broken picture comes back and those behind it are left alone.
  std::optional<ReadPicture> take(std::vector<ReadPicture>& read) {
    const auto is_broken = [](const ReadPicture& picture) { return !picture.error.empty(); };
    std::optional<ReadPicture> broken;
    const auto first = std::find_if(read.begin(), read.end(), is_broken);
    if (request_.strict && first != read.end()) {
      broken = *first;
      read.erase(first, read.end());
    }
    std::vector<ReadPicture> good;
    for (ReadPicture& picture : read) {
      if (!is_broken(picture)) good.push_back(std::move(picture));
    }
    const torch::Tensor probability_BL = probabilities(good);
    int64_t row = 0;
    for (size_t i = 0, next_good = 0; i < read.size(); ++i) {
      if (is_broken(read[i])) {
        ++counts_.failed;
        sink_.failed(read[i].name, read[i].error);
        continue;
      }
      const double* from = probability_BL[row++].data_ptr<double>();
      sink_.predicted({good[next_good++].name, {from, from + model_.classes().size()}});
      ++counts_.predicted;
    }
    return broken;
  }

  torch::Tensor probabilities(const std::vector<ReadPicture>& pictures) {
    if (pictures.empty()) return {};
    const torch::InferenceMode inference;
    const torch::Tensor x_BCHW = to_input(pictures, model_.input());
    torch::Tensor probability_BL = of(x_BCHW);
    if (view_.also_mirrored) probability_BL = (probability_BL + of(x_BCHW.flip(3))) / 2;
    return probability_BL.contiguous();
  }
  torch::Tensor of(const torch::Tensor& x_BCHW) {
    const torch::Tensor logit_BL = model_.cat().forward(x_BCHW).yhat_BL;
    require_numbers(logit_BL, model_.file());
    return torch::sigmoid(logit_BL.to(torch::kFloat64));
  }

  const PredictRequest& request_;
  PredictionSink& sink_;
  ImageInputs inputs_;
  PreparedModel model_;
  View view_;
  Progress progress_;
  PredictCounts counts_;
};

}  // namespace

PredictCounts predict(const PredictRequest& request, PredictionSink& sink) {
  if (request.augment == "scales") {
    throw UsageError("predict reads each picture at one size", "--augment scales",
                     "use flip or none here; eval takes scales");
  }
  torch::set_num_threads(std::max(1, request.threads));
  return Predictor(request, sink).run();
}

}  // namespace catamaran
