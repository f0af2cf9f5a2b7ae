#include "monitoring/recorded_curves.h"

#include <array>

#include "support/error.h"

namespace catamaran {
namespace {

using nlohmann::json;

[[noreturn]] void refuse(const std::string& what, const std::string& evaluation) {
  throw UsageError(what, "curves/" + evaluation + ".json", "evaluate again");
}

RecordedCurve curve_of(const json& from, const std::string& evaluation) {
  RecordedCurve curve;
  curve.positives = from.at("positives").get<int64_t>();
  curve.threshold = from.at("threshold").get<std::vector<double>>();
  const auto predicted = from.at("predicted").get<std::vector<int64_t>>();
  const auto hits = from.at("true_positives").get<std::vector<int64_t>>();
  if (predicted.size() != hits.size() || predicted.size() != curve.threshold.size())
    refuse("a curve's lists differ in length", evaluation);
  for (size_t k = 0; k < hits.size(); ++k) {
    if (hits[k] <= 0 || hits[k] > predicted[k] || hits[k] > curve.positives || predicted[k] <= 0)
      refuse("a point of a curve cannot be", evaluation);
    curve.recall.push_back(static_cast<double>(hits[k]) / static_cast<double>(curve.positives));
    curve.precision.push_back(static_cast<double>(hits[k]) / static_cast<double>(predicted[k]));
  }
  return curve;
}

std::vector<ConfusedPair> pairs_of(const json& from, size_t classes,
                                   const std::string& evaluation) {
  std::vector<ConfusedPair> pairs;
  for (const json& row : from) {
    const auto [first, second, images, of] = row.get<std::array<int64_t, 4>>();
    const auto known = [&](int64_t c) { return c >= 0 && static_cast<size_t>(c) < classes; };
    if (!known(first) || !known(second)) refuse("a pair names no class", evaluation);
    pairs.push_back({first, second, images, of});
  }
  return pairs;
}

}  // namespace

RecordedCurves recorded_curves(const json& root, const std::string& evaluation) {
  RecordedCurves curves;
  curves.evaluation = evaluation;
  curves.threshold = root.at("threshold").get<double>();
  curves.classes = root.at("classes").get<std::vector<std::string>>();
  const size_t classes = curves.classes.size();
  for (const json& curve : root.at("precision_recall"))
    curves.by_class.push_back(curve_of(curve, evaluation));
  if (!curves.by_class.empty() && curves.by_class.size() != classes)
    refuse("there is not a curve for each class", evaluation);
  if (!root.at("pooled").is_null()) curves.pooled = curve_of(root.at("pooled"), evaluation);
  const json& counts = root.at("counts");
  const auto hits = counts.at("true_positives").get<std::vector<int64_t>>();
  const auto invented = counts.at("false_positives").get<std::vector<int64_t>>();
  const auto missed = counts.at("false_negatives").get<std::vector<int64_t>>();
  if (hits.size() != classes || invented.size() != classes || missed.size() != classes)
    refuse("there are not counts for each class", evaluation);
  for (size_t c = 0; c < classes; ++c) curves.outcomes.push_back({hits[c], invented[c], missed[c]});
  curves.mistaken = pairs_of(root.at("mistaken"), classes, evaluation);
  curves.invented = pairs_of(root.at("invented"), classes, evaluation);
  curves.missed = pairs_of(root.at("missed"), classes, evaluation);
  return curves;
}

}  // namespace catamaran
