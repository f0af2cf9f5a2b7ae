// score_pack and crop_name of trainer/api.h.
#include <string>

#include "dataio/pack_reader.h"
#include "model/weights.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"
#include "trainer/consistency.h"
#include "trainer/device.h"
#include "trainer/evaluator.h"
#include "trainer/prepared_model.h"
#include "trainer/views.h"

namespace catamaran {

std::string crop_name(const EvaluateRequest& request) {
  if (!request.view) return "auto";
  const EvaluationCrop& view = *request.view;
  return view.resize > 0 ? text("%s of %ld", view.crop.c_str(), view.resize) : view.crop;
}

ScoreTable score_pack(const EvaluateRequest& request, ProcessGroup& group) {
  const PackReader pack(request.pack);
  std::vector<PreparedModel> models;
  models.emplace_back(request.checkpoint, request.weights, Numbers::kOfTraining);
  for (const std::filesystem::path& more : request.ensemble) {
    models.emplace_back(more, request.weights, Numbers::kOfTraining);
    require_same_class_list(models.front().classes(), models.front().file().string(),
                            models.back().classes(), models.back().file().string());
  }
  require_same_class_list(models.front().classes(), models.front().file().string(),
                          pack.manifest().classes, "the pack " + pack.folder().string());
  const torch::Device device = bind_device(group);
  std::vector<ScoringPass> passes;
  for (PreparedModel& model : models) {
    model.cat().to(device);
    broadcast_state(state_dict(model.cat()), group, device);
    const int64_t size = model.input().size;
    const int64_t shorter = model.center_crop(request.view);
    if (shorter > 0 && group.is_root()) {
      log::info(text("%s is shown the middle %ld x %ld of pictures whose shorter side is %ld",
                     model.file().c_str(), size, size, shorter));
    }
    for (const View& view : views(request.augment, size)) {
      ScoringPass pass{.cat = &model.cat(),
                       .input = model.input(),
                       .center_crop = shorter * view.size / size,  // the same part of the picture
                       .also_mirrored = view.also_mirrored};
      pass.input.size = view.size;
      passes.push_back(pass);
    }
  }
  EvaluatorOptions options;
  options.input = models.front().input();
  options.compute =
      request.precision == "auto" ? recorded_precision(models.front().file()) : request.precision;
  options.batch = request.batch;
  options.loader_threads = group.threads();
  return Evaluator(pack, options, group, device).score(passes);
}

}  // namespace catamaran
