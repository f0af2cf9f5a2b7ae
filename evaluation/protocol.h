// A protocol turns a ScoreTable into the numbers of a published table: mAP and OP OR OF1 CP CR CF1,
// over all labels at a threshold and over each image's top three.
//
//   const Evaluation result = evaluate(table, protocol("paper"));
//   std::puts(evaluation_json(result).c_str());      // the keys of eval/*.json
//
// OP = sum TP / sum predicted, OR = sum TP / sum positives, CP and CR their means over classes, F1
// the harmonic mean of the two; a class without predictions counts with precision 0. Top-3: a label
// counts if it is among the image's three highest scores and over the threshold. Thread-safe.
// Errors: UsageError for an unknown protocol, naming the known ones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/average_precision.h"
#include "evaluation/score_table.h"

namespace catamaran {

enum class IgnoredLabels { kIgnore, kNegative };

struct Protocol {
  std::string name;
  ApDefinition ap = ApDefinition::kSklearn;
  IgnoredLabels difficult_in_f1 = IgnoredLabels::kIgnore;
  double threshold = 0.5;  // probability
};

struct FMeasures {
  double op = 0, orr = 0, of1 = 0, cp = 0, cr = 0,
         cf1 = 0;  // orr: the key "or", which C++ reserves
};

struct Evaluation {
  Protocol protocol;
  int64_t images = 0;
  std::vector<std::string> classes;
  std::vector<std::optional<double>> ap;  // per class; none without positives
  double map = 0;                         // mean over classes that have positives; a ratio
  int64_t classes_without_positives = 0;
  FMeasures all;
  FMeasures top3;
};

// "default" (sklearn AP, ignored labels ignored), "mlgcn" (difficult = negative in P and R),
// "voc2010" (envelope), "voc2007" (11-point).
const Protocol& protocol(const std::string& name);
std::vector<std::string> protocol_names();

Evaluation evaluate(const ScoreTable& table, const Protocol& protocol);

// One JSON object with the keys of design section 4: map, protocol, ap (by class name, null without
// positives), op, or, of1, cp, cr, cf1, top3 (the same six), images, classes (how many), threshold.
std::string evaluation_json(const Evaluation& evaluation);

}  // namespace catamaran
