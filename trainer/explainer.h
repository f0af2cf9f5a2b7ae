// One model that explains: logits, probabilities and class activation maps of a picture.
//
//   Explainer model("runs/voc", request);
//   const Answer answer = model.ask(picture);
//
// Errors: WeightsError (checkpoint, thresholds), DataError (picture). One thread at a time.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dataio/evaluation_crop.h"
#include "dataio/image.h"
#include "model/activation_map.h"
#include "trainer/explain_api.h"
#include "trainer/explain_source.h"
#include "trainer/prepared_model.h"

namespace catamaran {

struct Answer {
  std::vector<double> probabilities;
  torch::Tensor logit_L;
  ActivationMaps cam;
  Region seen;  // the part of the picture that the maps cover, in its pixels
};

class Explainer {
 public:
  Explainer(const std::filesystem::path& checkpoint, const std::filesystem::path& thresholds,
            const ExplainRequest& request);

  Answer ask(const SourcePicture& picture);
  // Its logits alone, in a fraction of the time.
  std::vector<float> score(const SourcePicture& picture);

  const std::string& name() const { return name_; }  // of the run, for people
  const std::vector<std::string>& classes() const { return model_.classes(); }
  const std::vector<double>& thresholds() const { return thresholds_; }
  nlohmann::json description();  // for explain.json

 private:
  CatOutput look_at(const SourcePicture& picture, bool with_class_maps, Region& seen);

  std::string name_;
  PreparedModel model_;
  std::vector<double> thresholds_;
  ImageDecoder decoder_;
};

}  // namespace catamaran
