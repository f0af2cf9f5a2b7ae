// score_pack of trainer/api.h.
#include <algorithm>
#include <string>

#include "dataio/pack_reader.h"
#include "model/weights.h"
#include "support/error.h"
#include "support/text.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"
#include "trainer/consistency.h"
#include "trainer/device.h"
#include "trainer/evaluator.h"

namespace catamaran {

namespace {

void require_classes(const std::vector<std::string>& of_weights, const PackReader& pack,
                     const std::string& where) {
  const std::vector<std::string>& of_pack = pack.manifest().classes;
  if (of_weights == of_pack) return;
  throw DataError("weights and pack (" + pack.folder().string() +
                      ") have different class lists: " + first_difference(of_weights, of_pack),
                  where, "evaluate on a pack with the same classes in the same order");
}

}  // namespace

ScoreTable score_pack(const EvaluateRequest& request, ProcessGroup& group) {
  const PackReader pack(request.pack);
  const std::filesystem::path file = weights_file_of(request.checkpoint, request.weights);
  std::vector<std::string> classes;
  Cat cat = load_model(file, classes);
  require_classes(classes, pack, file.string());
  const torch::Device device = bind_device(group);
  cat->to(device);
  broadcast_state(state_dict(*cat), group, device);
  EvaluatorOptions options;
  options.input = cat->options().input;
  options.compute = request.precision == "auto" ? recorded_precision(file) : request.precision;
  options.batch = request.batch;
  options.loader_threads = group.threads();
  return Evaluator(pack, options, group, device).score(*cat);
}

}  // namespace catamaran
