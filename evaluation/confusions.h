// What goes wrong together in one image: with several labels an image has no cell of a confusion
// matrix, but labels that are missed and invented beside one another.
//
//   const Confusions c = confusions(table, thresholds, IgnoredLabels::kIgnore, 200);
//   c.mistaken.front();     // {sheep, cow, 31 of 58}: of 58 images whose sheep was missed, 31 got
//   a
//                           // cow that is not there
//
//   mistaken  first is in the image and missed, second is predicted and not there
//   invented  first is predicted and not there, second is in the image
//   missed    first is in the image and missed, second is in the image, too
//
// A label is predicted when its probability reaches its class's threshold, as in
// evaluation/f_measures.h, and an ignored label is what it is there: neither predicted nor present
// and nowhere counted, or absent. Pairs with the most images first, then in the order of classes;
// at most `most` of each kind, and none for more than kMostPairedClasses classes. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "evaluation/f_measures.h"
#include "evaluation/score_table.h"

namespace catamaran {

constexpr size_t kMostPairedClasses = 1000;  // pairs take five L x L tables of counts

struct ClassOutcomes {
  int64_t true_positives = 0;
  int64_t false_positives = 0;
  int64_t false_negatives = 0;
};

struct ConfusedPair {
  int64_t first = 0, second = 0;  // classes
  int64_t images = 0;
  // mistaken: images whose `first` was missed. invented: with `second` and without `first`. missed:
  // with both.
  int64_t of = 0;
};

struct Confusions {
  std::vector<ClassOutcomes> classes;
  std::vector<ConfusedPair> mistaken, invented, missed;
};

// thresholds: probabilities, one for each class.
Confusions confusions(const ScoreTable& table, std::span<const double> thresholds,
                      IgnoredLabels ignored, size_t most);

}  // namespace catamaran
