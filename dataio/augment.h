// Augmentation as geometry: which part of the source becomes the square the network sees, and
// whether it is mirrored. A pure function of options, image size and (seed, epoch, index); the
// resize that follows is dataio/resize.h.
//
// Evaluation and crop = "none": the whole image, squished to size x size. crop = "multi_scale"
// (MultiScaleCrop of the ML-GCN family): on a virtual canvas of resize x resize onto which the
// image is squished, choose crop width and height from {resize * scale} with at most max_distort
// steps between them (a side less than 3 px from the network's becomes it), and one of 13 fixed
// offsets; the region is mapped back to the source, so that one resampling does the work of two.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

struct AugmentOptions {
  std::string crop = "multi_scale";  // multi_scale, none
  int64_t resize = 512;              // canvas of multi_scale, pixels; >= data.size
  std::vector<double> scales = {1.0, 0.875, 0.75, 0.66, 0.5};
  int64_t max_distort = 2;
  bool flip = true;  // mirror with probability 1/2

  std::vector<std::string> problems() const;  // support/problems.h
  void check() const;                         // UsageError naming the keys under data.augment
};

// In source pixels, fractions allowed; 0 <= left < right <= width.
struct Region {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

struct Placement {
  Region region;
  bool mirrored = false;
};

Placement whole_image(ImageSize size);
// network_size: side of the square the network sees, pixels; at most options.resize.
Placement choose_placement(const AugmentOptions& options, ImageSize size, int64_t network_size,
                           uint64_t seed, uint32_t epoch, int64_t index);

}  // namespace catamaran
