// Augmentation: its options, and its geometry: which part of the source becomes the square the
// network sees, and whether it is mirrored. A pure function of options, image size and (seed,
// epoch, index); the resize that follows is dataio/resize.h, what happens to the square's colours
// is dataio/appearance.h, and what happens between two images of a batch dataio/mix.h.
//
//   none            the whole image, squished to size x size
//   center          the shorter side brought to `resize`, the square in the middle
//   random_resized  a rectangle of a share of the image between area[0] and area[1] and an aspect
//                   ratio between ratio[0] and ratio[1] (RandomResizedCrop of torchvision)
//   multi_scale  MultiScaleCrop of the ML-GCN family: on a virtual canvas of resize x resize onto
//                   which the image is squished, a crop of a width and a height of {resize * scale}
//                   with at most max_distort steps between them (a side less than 3 px from the
//                   network's becomes it), at one of 13 fixed offsets; the region is mapped back to
//                   the source, so that one resampling does the work of two
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

struct AugmentOptions {              // [data.augment]
  std::string crop = "multi_scale";  // multi_scale, random_resized, center, none
  int64_t resize = 512;  // multi_scale: side of the canvas; center: shorter side; >= the network's
  std::vector<double> scales = {1.0, 0.875, 0.75, 0.66, 0.5};
  int64_t max_distort = 2;
  std::vector<double> area = {0.08, 1.0};         // random_resized: least and most
  std::vector<double> ratio = {0.75, 4.0 / 3.0};  // random_resized: width / height, least and most
  bool flip = true;                               // mirror with probability 1/2
  double brightness = 0;  // ColorJitter of torchvision: factor 1 - this to 1 + this, likewise
  double contrast = 0;
  double saturation = 0;
  double hue = 0;            // shift of -this to this, at most 0.5
  double cutout = 0;         // side of a rectangle of one colour, as share of the square's
  int64_t rand_augment = 0;  // RandAugment of torchvision: operations on an image
  int64_t rand_augment_magnitude = 9;  // 0 to 30
  double mixup = 0;                    // alpha of the mixing share's Beta distribution; 0: never
  double cutmix = 0;                   // and so; where both are given, each half of the time
  double mix_probability = 1;          // of a pair of images
  std::string mix_labels = "share";    // share: as much as of the image; union: of both

  bool resizes_to_canvas() const { return crop == "multi_scale" || crop == "center"; }
  bool mixes() const { return mixup > 0 || cutmix > 0; }
  std::vector<std::string> problems() const;  // support/problems.h
  void check() const;                         // UsageError naming the keys under data.augment
  // UsageError where the options do not fit a network of this size.
  void check_size(int64_t network_size) const;
};

// In source pixels, fractions allowed; 0 <= left < right <= width.
struct Region {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
};

// The region is resized to `canvas`, of which the square at (left, top) is kept.
struct Placement {
  Region region;
  ImageSize canvas;  // 0 x 0: the square itself
  int32_t left = 0;
  int32_t top = 0;
  bool mirrored = false;
};

Placement whole_image(ImageSize size);
// Resize(shorter) and CenterCrop(network_size) of torchvision.
Placement center_crop(ImageSize size, int64_t shorter, int64_t network_size);
// network_size: side of the square the network sees, pixels; at most options.resize.
Placement choose_placement(const AugmentOptions& options, ImageSize size, int64_t network_size,
                           uint64_t seed, uint32_t epoch, int64_t index);

}  // namespace catamaran
