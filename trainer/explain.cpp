// explain of trainer/explain_api.h.
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "dataio/batch.h"
#include "drawing/contact_sheet.h"
#include "drawing/png_file.h"
#include "model/activation_map.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/text.h"
#include "trainer/device_batch.h"
#include "trainer/explain_api.h"
#include "trainer/explain_pictures.h"
#include "trainer/explain_source.h"
#include "trainer/explained_labels.h"
#include "trainer/npy_file.h"
#include "trainer/prepared_model.h"
#include "trainer/thresholds.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kSmallestSide = 256;  // small pictures are enlarged, so that people can see them
constexpr int64_t kLargestSide = 768;
constexpr int64_t kSheetSide = 240;

// Letters and digits of any script stay; what could mislead a shell or a path becomes "_".
std::string file_safe(const std::string& text) {
  constexpr size_t kLongest = 80;  // bytes; a file name has room for 255
  std::string safe;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    safe += byte >= 0x80 || std::isalnum(byte) || c == '-' ? c : '_';
  }
  if (safe.size() > kLongest) safe.resize(kLongest);
  while (!safe.empty() && (static_cast<unsigned char>(safe.back()) & 0xC0) == 0x80) safe.pop_back();
  return safe.empty() ? "_" : safe;
}

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

// What one model says of one picture.
struct Answer {
  std::vector<double> probabilities;
  torch::Tensor logit_L;
  ActivationMaps cam;
};

class Explainer {
 public:
  Explainer(const fs::path& checkpoint, const ExplainRequest& request)
      : name_(model_name(checkpoint)), model_(checkpoint, request.weights) {
    thresholds_ = thresholds_for(request.thresholds, request.threshold, model_.classes(),
                                 checkpoint.string());
  }

  Answer ask(const SourcePicture& picture) {
    const torch::InferenceMode inference;
    const InputOptions& input = model_.input();
    Batch batch;
    batch.images = 1;
    batch.height = batch.width = input.size;
    batch.pixels = plain_host_allocator()(input.size * input.size * 3);
    const ImageSize size = read_jpeg_size(picture.jpeg, picture.name);
    decoder_.decode(picture.jpeg, whole_image(size), input.size, batch.pixels.get(), picture.name);
    const torch::Tensor x_BCHW =
        to_device(batch, input, DifficultRule::kIgnore, torch::Device(torch::kCPU)).x_BCHW;
    const CatOutput output = model_.cat().forward(x_BCHW, /*with_class_maps=*/true);
    Answer answer;
    answer.logit_L = output.yhat_BL[0].to(torch::kFloat32);
    const torch::Tensor p_L = torch::sigmoid(answer.logit_L.to(torch::kFloat64)).contiguous();
    answer.probabilities.assign(p_L.data_ptr<double>(), p_L.data_ptr<double>() + p_L.numel());
    answer.cam = activation_maps(model_.cat(), output, 0);
    return answer;
  }

  const std::string& name() const { return name_; }
  const std::vector<std::string>& classes() const { return model_.classes(); }
  const std::vector<double>& thresholds() const { return thresholds_; }
  json description() {
    return {{"name", name_},
            {"weights", model_.file().string()},
            {"pool", model_.cat().options().head.pool},
            {"input_size", model_.input().size}};
  }

 private:
  std::string name_;
  PreparedModel model_;
  std::vector<double> thresholds_;
  ImageDecoder decoder_;
};

// All files of one picture.
class PictureExplanation {
 public:
  PictureExplanation(const ExplainRequest& request, const SourcePicture& source,
                     const RgbImage& image, int64_t number)
      : request_(request),
        source_(source),
        stem_(std::to_string(number) + "-" + file_safe(source.stem)),
        view_(viewable(image, kSmallestSide, kLargestSide)),
        small_(viewable(image, kSheetSide, kSheetSide)) {
    write_png(request_.out / (stem_ + ".png"), view_);
    sheet_.title = printable(source.name);
    entry_ = {{"image", source.name}, {"picture", stem_ + ".png"}};
  }

  // suffix: of file names, so that two models' do not collide.
  json add_model(Explainer& model, const Answer& answer, const std::vector<size_t>& labels,
                 const std::string& suffix,
                 const std::function<void(const Explanation&)>& explained) {
    json list = json::array();
    SheetRow row{.name = request_.compare.empty() ? "" : model.name(),
                 .tiles = {{small_, truth_caption(model.classes())}}};
    for (const size_t c : labels) {
      const std::string& label = model.classes()[c];
      const double p = answer.probabilities[c];
      const Verdict v =
          verdict(p, model.thresholds()[c], source_.truth.empty() ? kNoTruth : source_.truth[c]);
      occurring_.push_back(v);
      const torch::Tensor map_HW = answer.cam.maps_LHW[static_cast<int64_t>(c)];
      const std::string file = unused(stem_ + "-" + file_safe(label) + suffix);
      write_png(request_.out / file, with_caption(overlay(view_, map_HW), caption(label, p, v)));
      row.tiles.push_back({overlay(small_, map_HW), caption(label, p, v)});
      list.push_back({{"label", label},
                      {"probability", p},
                      {"threshold", model.thresholds()[c]},
                      {"verdict", name_of(v)},
                      {"logit", answer.logit_L[static_cast<int64_t>(c)].item<float>()},
                      {"bias", answer.cam.bias_L[static_cast<int64_t>(c)].item<float>()},
                      {"overlay", file}});
      explained({source_.name, model.name(), label, p, name_of(v), request_.out / file});
    }
    sheet_.rows.push_back(std::move(row));
    return {{"labels", list}, {"maps", write_maps(answer.cam.maps_LHW, labels, suffix)}};
  }

  json finish() {
    sheet_.notes = legend(occurring_);
    write_png(request_.out / (stem_ + ".sheet.png"), contact_sheet(sheet_));
    entry_["sheet"] = stem_ + ".sheet.png";
    return entry_;
  }
  json& entry() { return entry_; }

 private:
  Caption truth_caption(const std::vector<std::string>& classes) const {
    if (source_.truth.empty()) return {};
    std::string names;
    for (size_t c = 0; c < classes.size(); ++c) {
      if (source_.truth[c] > 0) names += (names.empty() ? "" : ", ") + classes[c];
    }
    return {
        .text = "labelled: " + (names.empty() ? "nothing" : names), .value = "", .colour = kDim};
  }

  // Two labels may look alike once they are file names.
  std::string unused(const std::string& wanted) {
    std::string name = wanted;
    for (int i = 2; !used_.insert(name).second; ++i) name = wanted + "-" + std::to_string(i);
    return name + ".png";
  }

  std::string write_maps(const torch::Tensor& maps_LHW, const std::vector<size_t>& labels,
                         const std::string& suffix) {
    const std::vector<int64_t> rows(labels.begin(), labels.end());
    const torch::Tensor chosen_LHW =
        maps_LHW.index_select(0, torch::tensor(rows, torch::kInt64)).contiguous();
    const std::string file = stem_ + suffix + ".maps.npy";
    write_npy(request_.out / file, chosen_LHW.sizes().vec(),
              {chosen_LHW.data_ptr<float>(), static_cast<size_t>(chosen_LHW.numel())});
    return file;
  }

  const ExplainRequest& request_;
  const SourcePicture& source_;
  std::string stem_;
  Picture view_;
  Picture small_;
  ContactSheet sheet_;
  std::vector<Verdict> occurring_;
  std::set<std::string> used_;
  json entry_;
};

}  // namespace

void explain(const ExplainRequest& request,
             const std::function<void(const Explanation&)>& explained) {
  torch::set_num_threads(std::max(1, request.threads));
  Explainer first(request.checkpoint, request);
  std::unique_ptr<Explainer> second;
  if (!request.compare.empty()) {
    second = std::make_unique<Explainer>(request.compare, request);
    require_same_class_list(first.classes(), request.checkpoint.string(), second->classes(),
                            request.compare.string());
  }
  json index = {{"images", json::array()}, {"model", first.description()}};
  if (second) index["compared_with"] = second->description();
  const std::unique_ptr<ExplainSource> source = open_explain_source(request, first.classes());
  ImageDecoder decoder;
  int64_t number = 0;
  while (const std::optional<SourcePicture> picture = source->next()) {
    const Answer answer = first.ask(*picture);
    std::vector<size_t> labels =
        labels_to_show(answer.probabilities, first.thresholds(), picture->truth, request.most);
    PictureExplanation files(request, *picture, decoder.decode_whole(picture->jpeg, picture->name),
                             ++number);
    if (!second) {
      files.entry().update(files.add_model(first, answer, labels, "", explained));
    } else {
      const Answer other = second->ask(*picture);
      for (const size_t c : labels_to_show(other.probabilities, second->thresholds(),
                                           picture->truth, request.most)) {
        if (std::find(labels.begin(), labels.end(), c) == labels.end()) labels.push_back(c);
      }
      files.entry().update(files.add_model(first, answer, labels, "", explained));
      files.entry()["compared_with"] =
          files.add_model(*second, other, labels, "-compared", explained);
    }
    index["images"].push_back(files.finish());
  }
  write_file_atomically(request.out / "explain.json", json_text(index) + "\n", ErrorKind::kUsage);
}

}  // namespace catamaran
