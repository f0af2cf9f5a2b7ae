// ScoreTable: scores and labels of a set of images, the input of every metric. Plain data,
// row-major. labels: 1 present, 0 ignore, -1 absent. Scores are fp32 logits: ranking on rounded
// probabilities makes ties.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace catamaran {

struct ScoreTable {
  std::vector<std::string> classes;
  int64_t images = 0;
  std::vector<int64_t> indices;  // image of the pack, ascending and unique
  std::vector<float> scores;     // images x classes, logits
  std::vector<int8_t> labels;    // images x classes
};

}  // namespace catamaran
