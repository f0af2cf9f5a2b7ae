#include "dataio/sample_maker.h"

#include <span>
#include <utility>

namespace catamaran {

SampleMaker::SampleMaker(const PackReader& pack, ImageCache& cache, SampleOptions options)
    : pack_(pack), cache_(cache), options_(std::move(options)) {}

Placement place(const SampleOptions& options, ImageSize stored, SampleKey key) {
  if (options.training) {
    return choose_placement(options.augment, stored, options.size, options.seed, key.epoch,
                            key.index);
  }
  return evaluation_placement(stored, options.center_crop, options.size);
}

void SampleMaker::make(SampleKey key, uint8_t* out) {
  read_bytes_ = 0;
  const std::span<const uint8_t> bytes = cache_.read(key.index, scratch_);
  read_bytes_ = std::ssize(bytes);
  const ImageSize stored = pack_.stored_size(key.index);
  const Placement placement = place(options_, stored, key);
  if (pack_.pixels() > 0) {
    decoder_.resize(bytes, stored, placement, options_.size, out);
  } else {
    decoder_.decode(bytes, placement, options_.size, out, pack_.id(key.index), options_.exactness);
  }
  if (options_.training) {
    appearance_.apply(options_.augment,
                      {.seed = options_.seed, .epoch = key.epoch, .index = key.index},
                      {.data = out, .height = options_.size, .width = options_.size});
  }
}

}  // namespace catamaran
