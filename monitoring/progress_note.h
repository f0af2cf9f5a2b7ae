// What a line of progress says of training besides its position; the same for a run that trains and
// for one that is watched.
//
//   progress_note({.epoch = 1, .loss = 0.31, ...})
//   // "epoch 2, loss 0.3100, mAP 45.12, lr 1.00e-03, 52.1 img/s, data wait 0.3 %"
//
// Pure function; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace catamaran {

struct ProgressFigures {
  int64_t epoch = 0;  // from 0
  double loss = 0;
  double learning_rate = 0;
  double images_per_second = 0;
  double data_wait_ratio = 0;
  std::optional<double> map;  // ratio, of the newest evaluation
};
std::string progress_note(const ProgressFigures& figures);

}  // namespace catamaran
