// A protocol turns a ScoreTable into the numbers of a published table: mAP and OP OR OF1 CP CR CF1,
// over all labels at a threshold and over each image's top three.
//
//   const Evaluation result = evaluate(table, protocol("default"));
//   std::puts(evaluation_json(result).c_str());      // the keys of eval/*.json
//
//   default   sklearn's AP; difficult labels ignored
//   mlgcn     ML-GCN's AP; difficult labels count as negative in precision and recall
//   voc2010   AP under the envelope; difficult labels ignored
//   voc2007   11-point AP of the devkit; difficult labels ignored
//
// Errors: UsageError for an unknown protocol, naming the known ones; NumericsError for a score that
// is not a number, naming image and class. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evaluation/average_precision.h"
#include "evaluation/f_measures.h"
#include "evaluation/score_table.h"

namespace catamaran {

struct Protocol {
  std::string name;
  ApDefinition ap = ApDefinition::kSklearn;
  IgnoredLabels difficult_in_f1 = IgnoredLabels::kIgnore;
  double threshold = 0.5;  // probability
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

const Protocol& protocol(const std::string& name);
std::vector<std::string> protocol_names();

// thresholds: a probability for each class instead of the protocol's; empty: the protocol's.
Evaluation evaluate(const ScoreTable& table, const Protocol& protocol,
                    const std::vector<double>& thresholds = {});

// One JSON object: map, protocol, ap (by class name, null without positives), op, or, of1, cp, cr,
// cf1, top3 (the same six), images, classes (how many), classes_without_positives, threshold.
std::string evaluation_json(const Evaluation& evaluation);

}  // namespace catamaran
