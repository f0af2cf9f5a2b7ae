// How well a model does on each image: the binary cross-entropy of its labels, and which images are
// the best and the worst by it.
//
//   const BestAndWorst found = best_and_worst(table, 4, 4);
//   found.worst.front().row;   // the image of the highest loss, row of the table
//
// The loss of an image is the mean over its labels that are not ignored, equation (12) of the
// paper. Images without a label present are left out of the best, where being right is easy, and
// images without any valid label out of both. None is among both: the best choose first. Ties: the
// earlier row. Errors: NumericsError for a score that is not a number. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evaluation/score_table.h"

namespace catamaran {

struct RankedImage {
  int64_t row = 0;
  double loss = 0;
};

struct BestAndWorst {
  std::vector<RankedImage> best;   // lowest loss first
  std::vector<RankedImage> worst;  // highest first
};

// One per row; none where no label is valid.
std::vector<std::optional<double>> image_losses(const ScoreTable& table);
// At most so many of each.
BestAndWorst best_and_worst(const ScoreTable& table, int64_t best, int64_t worst);

}  // namespace catamaran
