#include "dataio/evaluation_crop.h"

#include "support/problems.h"

namespace catamaran {

std::vector<std::string> EvaluationCrop::problems(int64_t network_size,
                                                  const std::string& table) const {
  Problems found(table);
  found.require_one_of("crop", crop, {"none", "center"});
  found.require(resize == 0 || crop != "none", "resize", "is for the crop \"center\" alone",
                "leave it at 0, or set " + table + "crop to center");
  found.require(resize == 0 || (resize >= network_size && resize <= kLongestShorterSide), "resize",
                "must be the network's size, " + std::to_string(network_size) + ", to " +
                    std::to_string(kLongestShorterSide),
                "0 takes 8/7 of the network's size");
  return found.take();
}

int64_t EvaluationCrop::shorter_side(int64_t network_size) const {
  if (crop == "none") return 0;
  return resize > 0 ? resize : network_size * 8 / 7;
}

Placement evaluation_placement(ImageSize size, int64_t shorter_side, int64_t network_size) {
  return shorter_side > 0 ? center_crop(size, shorter_side, network_size) : whole_image(size);
}

Region seen_region(ImageSize size, const Placement& placement, int64_t network_size) {
  if (placement.canvas.width == 0) return placement.region;
  const auto in_picture = [](int64_t at, int64_t canvas, int64_t side) {
    return static_cast<double>(at * side) / static_cast<double>(canvas);
  };
  const ImageSize& canvas = placement.canvas;
  return {.left = in_picture(placement.left, canvas.width, size.width),
          .top = in_picture(placement.top, canvas.height, size.height),
          .right = in_picture(placement.left + network_size, canvas.width, size.width),
          .bottom = in_picture(placement.top + network_size, canvas.height, size.height)};
}

}  // namespace catamaran
