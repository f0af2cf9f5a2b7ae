// A map of numbers as colours over a picture: where it is high it glows (dark violet over red to
// light yellow), elsewhere the picture keeps its colours, darkened. Brightness rises with the
// value, so that the order can be seen without telling colours apart, and on a grey printout.
//
//   Picture overlay = heat_over(photo, map, kLeastSpread);     // map: one float per pixel, by rows
//
// Thread-safe.
#pragma once

#include <span>

#include "drawing/picture.h"

namespace catamaran {

// 0..1 to its colour.
Colour heat_colour(double heat);

// The map's lowest value is 0 and its highest 1, unless they differ by less than least_spread: then
// lowest + least_spread is 1, so that a map with nothing to tell stays dark instead of showing
// noise.
Picture heat_over(const Picture& picture, std::span<const float> map, double least_spread);

}  // namespace catamaran
