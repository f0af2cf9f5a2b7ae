#include "monitoring/progress_note.h"

#include "support/text.h"

namespace catamaran {

std::string progress_note(const ProgressFigures& figures) {
  const std::string map = figures.map ? text(", mAP %.2f", 100 * *figures.map) : "";
  return text("epoch %ld, loss %.4f", figures.epoch + 1, figures.loss) + map +
         text(", lr %.2e, %.1f img/s, data wait %.1f %%", figures.learning_rate,
              figures.images_per_second, 100 * figures.data_wait_ratio);
}

}  // namespace catamaran
