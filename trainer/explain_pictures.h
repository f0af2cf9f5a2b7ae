// From a decoded picture and a class activation map to what people look at.
//
//   const Picture view = viewable(rgb, 256, 768);         // longest side within these
//   const Picture over = overlay(view, cam.maps_LHW[l], part_of(view, image.size, answer.seen));
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
// The pixels of `picture`, which shows an image of this size, that a region of the image covers.
Rectangle part_of(const Picture& picture, ImageSize image, const Region& region);
// The map over a part of the picture; the rest, which the model was not shown, is dark.
Picture overlay(const Picture& picture, const torch::Tensor& map_HW, const Rectangle& part);
Caption caption(const std::string& label, double probability, Verdict verdict);
// One line per verdict that needs explaining and occurs.
std::vector<Caption> legend(const std::vector<Verdict>& occurring);

}  // namespace catamaran
