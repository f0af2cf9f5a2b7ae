#include "monitoring/progress_note.h"

#include <gtest/gtest.h>

#include <cmath>

namespace catamaran {
namespace {

TEST(ProgressNote, SaysEpochLossAccuracyRateSpeedAndWait) {
  ProgressFigures figures = {.epoch = 1,
                             .loss = 0.31,
                             .learning_rate = 1e-3,
                             .images_per_second = 52.14,
                             .data_wait_ratio = 0.003};
  EXPECT_EQ(progress_note(figures),
            "epoch 2, loss 0.3100, lr 1.00e-03, 52.1 img/s, data wait 0.3 %");
  figures.map = 0.45123;
  EXPECT_EQ(progress_note(figures),
            "epoch 2, loss 0.3100, mAP 45.12, lr 1.00e-03, 52.1 img/s, data wait 0.3 %");
  figures.loss = NAN;
  EXPECT_NE(progress_note(figures).find("loss nan"), std::string::npos);
}

}  // namespace
}  // namespace catamaran
