#include "evaluation/protocol.h"

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>

#include "evaluation/ranking.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

using nlohmann::json;

const std::array<Protocol, 4>& protocols() {
  static const std::array<Protocol, 4> all = {{
      {"default", ApDefinition::kSklearn, IgnoredLabels::kIgnore, 0.5},
      {"mlgcn", ApDefinition::kMlGcn, IgnoredLabels::kNegative, 0.5},
      {"voc2010", ApDefinition::kEnvelope, IgnoredLabels::kIgnore, 0.5},
      {"voc2007", ApDefinition::kElevenPoint, IgnoredLabels::kIgnore, 0.5},
  }};
  return all;
}

void check(const ScoreTable& table) {
  const size_t cells = static_cast<size_t>(table.images) * table.classes.size();
  CATAMARAN_ASSERT(!table.classes.empty() && table.scores.size() == cells &&
                       table.labels.size() == cells &&
                       table.indices.size() == static_cast<size_t>(table.images),
                   "a table has a score and a label per cell and an index per image");
  for (size_t at = 0; at < table.scores.size(); ++at) {
    if (std::isfinite(table.scores[at])) continue;
    const size_t image = at / table.classes.size();
    throw NumericsError("the score of class '" + table.classes[at % table.classes.size()] +
                            "' is not a finite number",
                        "image " + std::to_string(table.indices[image]) + " of the pack",
                        "the weights are broken: evaluate an earlier checkpoint");
  }
}

json f_json(const FMeasures& f) {
  return {{"op", f.op}, {"or", f.orr}, {"of1", f.of1}, {"cp", f.cp}, {"cr", f.cr}, {"cf1", f.cf1}};
}

}  // namespace

const Protocol& protocol(const std::string& name) {
  std::string known;
  for (const Protocol& each : protocols()) {
    if (each.name == name) return each;
    known += (known.empty() ? "" : ", ") + each.name;
  }
  throw UsageError("there is no protocol '" + name + "'", "evaluate.protocol",
                   "use one of " + known);
}

std::vector<std::string> protocol_names() {
  std::vector<std::string> names;
  for (const Protocol& each : protocols()) names.push_back(each.name);
  return names;
}

Evaluation evaluate(const ScoreTable& table, const Protocol& protocol,
                    const std::vector<double>& thresholds) {
  check(table);
  Evaluation result;
  result.protocol = protocol;
  result.images = table.images;
  result.classes = table.classes;
  const auto classes = static_cast<int64_t>(table.classes.size());
  Ranking ranking;
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) {
    const size_t from = table.images > 0 ? static_cast<size_t>(c) : 0;
    ranking.sort(std::span(table.scores).subspan(from), std::span(table.labels).subspan(from),
                 classes);
    result.ap.push_back(average_precision(ranking, protocol.ap));
    if (result.ap.back()) {
      sum += *result.ap.back();
    } else {
      ++result.classes_without_positives;
    }
  }
  const int64_t ranked = classes - result.classes_without_positives;
  result.map = ranked > 0 ? sum / static_cast<double>(ranked) : 0;
  std::vector<double> least = thresholds;
  if (least.empty()) least.assign(table.classes.size(), protocol.threshold);
  result.all = f_measures(table, least, 0, protocol.difficult_in_f1);
  result.top3 = f_measures(table, least, 3, protocol.difficult_in_f1);
  return result;
}

std::string evaluation_json(const Evaluation& evaluation) {
  json root = f_json(evaluation.all);
  root["top3"] = f_json(evaluation.top3);
  root["protocol"] = evaluation.protocol.name;
  root["threshold"] = evaluation.protocol.threshold;
  root["map"] = evaluation.map;
  root["images"] = evaluation.images;
  root["classes"] = evaluation.classes.size();
  root["classes_without_positives"] = evaluation.classes_without_positives;
  root["ap"] = json::object();
  for (size_t c = 0; c < evaluation.classes.size(); ++c) {
    root["ap"][evaluation.classes[c]] = evaluation.ap[c] ? json(*evaluation.ap[c]) : json();
  }
  return root.dump(2) + "\n";
}

}  // namespace catamaran
