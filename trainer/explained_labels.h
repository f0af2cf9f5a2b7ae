// Which labels of a picture are explained, and how each stands to the truth, where that is known.
//
//   for (const size_t c : labels_to_show(p, thresholds, truth, 3))
//     ... word_of(verdict(p[c], thresholds[c], truth[c])) ...
//
// Without truth: the labels at or over their threshold, most probable first, at most `most`; at
// least the most probable label. With truth: those, and every label of the truth. Thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace catamaran {

enum class Verdict {
  kPredicted,  // over its threshold; truth not known
  kRight,      // over its threshold and in the picture
  kMissing,    // in the picture, yet under its threshold
  kWrong,      // over its threshold, yet not in the picture
  kIgnored,    // the truth leaves it open ('difficult')
  kAbsent,     // under its threshold, and not in the picture as far as is known
};

// truth: 1 in the picture, 0 open, -1 not in it; kNoTruth where it is not known.
constexpr int8_t kNoTruth = 2;
Verdict verdict(double probability, double threshold, int8_t truth);
// "", "missing", "wrong", "ignored": what is written beside the probability.
const char* word_of(Verdict verdict);
// "predicted", "right", ...: for programs.
const char* name_of(Verdict verdict);

// By class; truth is empty where it is not known. The classes to show, most probable first.
std::vector<size_t> labels_to_show(std::span<const double> probabilities,
                                   std::span<const double> thresholds,
                                   std::span<const int8_t> truth, int64_t most);

}  // namespace catamaran
