// OP, OR, OF1, CP, CR, CF1: precision, recall and F1 over all labels (O) and as means over classes
// (C).
//
//   OP = sum TP / sum predicted   OR = sum TP / sum positives   CP, CR = means over classes of TP /
//   predicted, TP / positives
// F1 = 2 P R / (P + R) of the two means; 0 / 0 counts as 0. A label is predicted when its
// probability reaches the threshold; for top-3 it must also be among its image's three highest
// scores (ties: the lower class first). Classes without positives have recall 0 in CR. Source: the
// ML-GCN family's protocol. Thread-safe.
#pragma once

#include <cstdint>

#include "evaluation/score_table.h"

namespace catamaran {

enum class IgnoredLabels { kIgnore, kNegative };

struct FMeasures {
  double op = 0, orr = 0, of1 = 0, cp = 0, cr = 0,
         cf1 = 0;  // orr: the key "or", which C++ reserves
};

// top: labels an image may have at most; 0: no limit.
FMeasures f_measures(const ScoreTable& table, double threshold, int64_t top, IgnoredLabels ignored);

}  // namespace catamaran
