#include "trainer/evaluation_record.h"

#include <nlohmann/json.hpp>

#include "support/error.h"
#include "support/json.h"

namespace catamaran {

std::string evaluation_record(const EvaluationCrop& view, int64_t network_size) {
  return nlohmann::json({{"crop", view.crop}, {"resize", view.shorter_side(network_size)}}).dump();
}

EvaluationCrop recorded_evaluation(const SafetensorsHeader& header, int64_t network_size,
                                   const std::string& where) {
  constexpr ErrorKind kKind = ErrorKind::kWeights;
  EvaluationCrop view;
  const auto found = header.metadata.find(kEvaluationKey);
  if (found == header.metadata.end()) return view;
  const nlohmann::json record = parse_json(found->second, where, kKind);
  view.crop = json_field<std::string>(record, "crop", where, kKind);
  view.resize = json_field<int64_t>(record, "resize", where, kKind);
  const std::vector<std::string> problems =
      view.problems(network_size, std::string("metadata ") + kEvaluationKey + ".");
  if (!problems.empty()) throw WeightsError(problems.front(), where, "export the file again");
  return view;
}

}  // namespace catamaran
