// SampleMaker: from a sample's key to the square that the network sees: read, decode what the crop
// needs, resize, mirror, change colours.
//
//   SampleMaker maker(pack, cache, {.size = 448, .seed = 1});   // one per worker thread
//   maker.make({.epoch = 3, .index = 17}, out);                 // 448 x 448 x 3 bytes
//
// A pure function of pack, options and key. Errors: DataError; fault_of() of dataio/sample_fault.h
// tells what is wrong with the image. One thread at a time; pack and cache are shared and outlive
// it.
#pragma once

#include <cstdint>
#include <vector>

#include "dataio/appearance.h"
#include "dataio/augment.h"
#include "dataio/evaluation_crop.h"
#include "dataio/image.h"
#include "dataio/image_cache.h"
#include "dataio/sample_order.h"

namespace catamaran {

struct SampleOptions {
  int64_t size = 448;  // side of the square, pixels
  uint64_t seed = 0;
  AugmentOptions augment;
  bool training = false;  // false: what evaluation sees, not mirrored
  Exactness exactness = Exactness::kExact;
  int64_t center_crop = 0;  // of evaluation: EvaluationCrop::shorter_side
};

// stored: size of the sample's image in the pack.
Placement place(const SampleOptions& options, ImageSize stored, SampleKey key);

class SampleMaker {
 public:
  SampleMaker(const PackReader& pack, ImageCache& cache, SampleOptions options);

  void make(SampleKey key, uint8_t* out);

  int64_t read_bytes() const { return read_bytes_; }  // of the sample made last

 private:
  const PackReader& pack_;
  ImageCache& cache_;
  SampleOptions options_;
  ImageDecoder decoder_;
  AppearanceChanger appearance_;
  std::vector<uint8_t> scratch_;
  int64_t read_bytes_ = 0;
};

}  // namespace catamaran
