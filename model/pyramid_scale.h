// New lateral convolutions to the scale of the maps that they read. Backbones differ: the linear
// maps of EfficientNet-lite are three times as large on S3 as on S5, and a pyramid that starts so
// hears little of the highest level.
//
//   initialise(*cat, seed);
//   load_backbone(*cat, file);
//   calibrate_pyramid(*cat, seed);     // then, and where the laterals come from no file
//
// Source of the idea: Mishkin and Matas, "All you need is a good init", ICLR 2016. Only the thread
// that runs the step loop.
#pragma once

#include "model/cat.h"

namespace catamaran {

// Divides each lateral's weight by the root mean square of its input for pictures of noise, drawn
// from the seed, under their own batch statistics: those give a map the scale of its weights,
// whatever the picture. Statistics and mode of the model stay. Nothing to do without a pyramid.
void calibrate_pyramid(CatImpl& cat, uint64_t seed);

}  // namespace catamaran
