// From a decoded picture and a class activation map to what people look at.
//
//   const Picture view = viewable(rgb, 256, 768);         // longest side within these
//   const Picture over = overlay(view, cam.maps_LHW[l]);
//   const Caption words = caption("dog", 0.93, Verdict::kMissing);
//
// Thread-safe.
#pragma once

#include <torch/torch.h>

#include <string>

#include "dataio/image.h"
#include "drawing/caption.h"
#include "drawing/picture.h"
#include "trainer/explained_labels.h"

namespace catamaran {

// Scaled, if need be, so that the longest side lies in [least, most] pixels.
Picture viewable(const RgbImage& image, int64_t least, int64_t most);
Picture overlay(const Picture& picture, const torch::Tensor& map_HW);
Caption caption(const std::string& label, double probability, Verdict verdict);
// One line per verdict that needs explaining and occurs.
std::vector<Caption> legend(const std::vector<Verdict>& occurring);

}  // namespace catamaran
