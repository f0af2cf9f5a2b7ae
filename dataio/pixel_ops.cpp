#include "dataio/pixel_ops.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "dataio/affine.h"
#include "dataio/hue.h"
#include "dataio/pixel_kernels.h"
#include "support/assert.h"

namespace catamaran {
namespace {

using Table = std::array<uint8_t, 256>;
using Histogram = std::array<int64_t, 256>;

Table identity() {
  Table table;
  for (size_t i = 0; i < table.size(); ++i) table[i] = static_cast<uint8_t>(i);
  return table;
}

std::array<Histogram, 3> histograms(RgbPixels image) {
  std::array<Histogram, 3> counts{};
  for (const uint8_t* p = image.data; p < image.data + image.bytes(); p += 3) {
    for (size_t c = 0; c < 3; ++c) ++counts[c][p[c]];
  }
  return counts;
}

void map_channels(const std::array<Table, 3>& tables, RgbPixels image) {
  for (uint8_t* p = image.data; p < image.data + image.bytes(); p += 3) {
    for (size_t c = 0; c < 3; ++c) p[c] = tables[c][p[c]];
  }
}

// Darkest to 0, lightest to 255.
Table stretching(const Histogram& counts) {
  Table table = identity();
  const auto some = [](int64_t count) { return count > 0; };
  const auto low = std::find_if(counts.begin(), counts.end(), some) - counts.begin();
  const auto high = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), some) - 1;
  if (high <= low) return table;
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  for (size_t i = 0; i < table.size(); ++i) {
    const auto value = static_cast<int>(static_cast<double>(i) * scale + offset);
    table[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
  }
  return table;
}

// As many pixels at each value, as far as that goes.
Table equalizing(const Histogram& counts) {
  int64_t all = 0;
  int64_t used = 0;  // values
  int64_t last = 0;  // pixels of the largest value
  for (const int64_t count : counts) {
    all += count;
    used += count > 0 ? 1 : 0;
    if (count > 0) last = count;
  }
  const int64_t step = (all - last) / 255;
  if (used <= 1 || step == 0) return identity();
  Table table;
  int64_t below = step / 2;
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<uint8_t>(std::min<int64_t>(below / step, 255));
    below += counts[i];
  }
  return table;
}

template <typename MakeTable>
void map_by_histogram(RgbPixels image, MakeTable make_table) {
  const std::array<Histogram, 3> counts = histograms(image);
  map_channels({make_table(counts[0]), make_table(counts[1]), make_table(counts[2])}, image);
}

void change_contrast(double factor, RgbPixels image) {
  const int64_t pixels = image.height * image.width;
  const double mean =
      static_cast<double>(sum_of_gray(image.data, pixels)) / static_cast<double>(pixels);
  blend_with_constant(static_cast<uint8_t>(mean + 0.5), static_cast<float>(factor), image.data,
                      image.bytes());
}

// A weight of 5 for each pixel and 1 for its neighbours, of 13; the border stays.
void smooth(const uint8_t* from, RgbPixels to) {
  const int64_t row_bytes = to.width * 3;
  for (int64_t y = 1; y + 1 < to.height; ++y) {
    const uint8_t* const row = from + y * row_bytes;
    for (int64_t i = 3; i < row_bytes - 3; ++i) {
      int32_t sum = 4 * row[i];
      for (const int64_t above : {-row_bytes, int64_t{0}, row_bytes})
        sum += row[i + above - 3] + row[i + above] + row[i + above + 3];
      to.data[y * row_bytes + i] = static_cast<uint8_t>((2 * sum + 13) / 26);
    }
  }
}

}  // namespace

const uint8_t* PixelOps::copy_of(RgbPixels image) {
  copy_.assign(image.data, image.data + image.bytes());
  return copy_.data();
}

void PixelOps::sharpen(float factor, RgbPixels image) {
  copy_of(image);
  smooth(copy_.data(), image);  // where the blend starts; the copy is where it ends
  blend_with(image.data, factor, copy_.data(), image.bytes());
  std::copy(copy_.begin(), copy_.end(), image.data);
}

void PixelOps::apply(const PixelOp& op, RgbPixels image) {
  CATAMARAN_ASSERT(image.height > 0 && image.width > 0, "a picture has pixels");
  const auto factor = static_cast<float>(op.value);
  const auto whole = static_cast<int64_t>(op.value);  // cut off, as int() does
  const auto move = [&](const AffineMatrix& matrix) {
    transform_nearest(matrix, copy_of(image), image);
  };
  switch (op.kind) {
    case PixelOpKind::kIdentity:
      return;
    case PixelOpKind::kShearX:
      return move(shear_x(op.value));
    case PixelOpKind::kShearY:
      return move(shear_y(op.value));
    case PixelOpKind::kTranslateX:
      return move(translation(whole, 0));
    case PixelOpKind::kTranslateY:
      return move(translation(0, whole));
    case PixelOpKind::kRotate:
      return move(rotation(op.value, image.height, image.width));
    case PixelOpKind::kBrightness:
      return blend_with_constant(0, factor, image.data, image.bytes());
    case PixelOpKind::kSaturation:
      return blend_with_gray(factor, image.data, image.height * image.width);
    case PixelOpKind::kContrast:
      return change_contrast(op.value, image);
    case PixelOpKind::kSharpness:
      return sharpen(factor, image);
    case PixelOpKind::kPosterize:
      return keep_bits(static_cast<uint8_t>(0xFF00 >> whole), image.data, image.bytes());
    case PixelOpKind::kSolarize:
      return invert_from(static_cast<int32_t>(std::ceil(op.value)), image.data, image.bytes());
    case PixelOpKind::kAutoContrast:
      return map_by_histogram(image, stretching);
    case PixelOpKind::kEqualize:
      return map_by_histogram(image, equalizing);
    case PixelOpKind::kHue:
      return shift_hue(op.value, image);
  }
}

}  // namespace catamaran
