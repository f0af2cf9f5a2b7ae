#include "dataio/jpeg_decoder.h"

#include <algorithm>
#include <new>
#include <optional>
#include <string_view>
#include <vector>

#include "dataio/image.h"
#include "dataio/jpeg_segments.h"
#include "dataio/libjpeg_guard.h"
#include "dataio/sample_fault.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

// Smooth upsampling looks one sample beyond a pixel, and takes the edge of a window for the edge of
// the image; so a window is decoded with a margin, which is then not looked at.
constexpr int32_t kMarginColumns = 4;
constexpr int32_t kLeastColumns = 64;  // libjpeg upsamples narrower windows another way
constexpr int32_t kMarginRows = 4;

std::string_view format_of(std::span<const uint8_t> file) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()),
                               std::min<size_t>(file.size(), 12));
  if (start.starts_with("\x89PNG")) return "a PNG";
  if (start.starts_with("GIF8")) return "a GIF";
  if (start.starts_with("BM")) return "a BMP";
  if (start.starts_with("II*") || start.starts_with("MM")) return "a TIFF";
  if (start.starts_with("RIFF") && start.ends_with("WEBP")) return "a WebP";
  if (start.starts_with("<")) return "a text";
  return "of another format";
}

[[noreturn]] void refuse(const std::string& name, SampleFault fault, const std::string& what) {
  throw SampleError(what, "image " + name, "replace the file or leave it out", fault);
}

uint8_t times_over_255(uint32_t a, uint32_t b) {
  const uint32_t product = a * b + 128;
  return static_cast<uint8_t>(((product >> 8) + product) >> 8);
}

// Adobe stores CMYK inverted, so 255 means no ink.
void cmyk_to_rgbx(uint8_t* row, int32_t pixels) {
  for (uint8_t* p = row; p < row + int64_t{pixels} * 4; p += 4) {
    const uint32_t paper = p[3];
    for (int c = 0; c < 3; ++c) {
      p[c] = static_cast<uint8_t>(paper - times_over_255(255u - p[c], paper));
    }
  }
}

}  // namespace

// Everything libjpeg's calls touch. They run in static functions that own nothing, under the guard.
struct JpegDecoder::State {
  jpeg_decompress_struct info{};
  LibjpegGuard guard;
  std::span<const uint8_t> jpeg;  // the file, or the part of it that is decoded
  std::string name;
  JpegSegments segments;
  bool has_segments = false;
  int32_t denominator = 1;  // of the size that is decoded
  PixelWindow decoded;      // window with its margin
  std::vector<uint8_t> pixels;
  int64_t row_bytes = 0;

  State() {
    info.err = guard.manager();
    if (!guard.run([this] { jpeg_create_decompress(&info); })) throw std::bad_alloc();
  }
  ~State() { jpeg_destroy_decompress(&info); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run(void (*call)(State&)) {
    if (guard.run([this, call] { call(*this); })) return;
    jpeg_abort_decompress(&info);
    if (guard.out_of_memory()) throw std::bad_alloc();
    refuse(name, guard.is_cut_short() ? SampleFault::kTruncated : SampleFault::kFormat,
           std::string("damaged JPEG: ") + guard.message());
  }

  JpegLayout layout() const;
  bool is_smoothed() const;
  bool can_crop_columns() const;
  PixelWindow cut_to(const PixelWindow& window);
  static void read_header(State& s);
  static void start(State& s);
  static void read_rows(State& s);
  static void scale(State& s);
  ImageSize output_size() const {
    return {.height = static_cast<int32_t>(info.output_height),
            .width = static_cast<int32_t>(info.output_width)};
  }
  static void skim(State& s);
};

void JpegDecoder::State::read_header(State& s) {
  // libjpeg keeps tables for files that bring none: they would be those of the image before.
  jpeg_destroy_decompress(&s.info);
  jpeg_create_decompress(&s.info);
  s.guard.limit_scans(s.info);
  jpeg_mem_src(&s.info, s.jpeg.data(), static_cast<unsigned long>(s.jpeg.size()));
  jpeg_read_header(&s.info, TRUE);
  s.info.out_color_space = s.info.num_components == 4 ? JCS_CMYK : JCS_EXT_RGBX;
  s.info.dct_method = JDCT_ISLOW;
  s.info.do_fancy_upsampling = TRUE;
  scale(s);
}

void JpegDecoder::State::scale(State& s) {
  s.info.scale_num = 1;
  s.info.scale_denom = static_cast<unsigned>(s.denominator);
  jpeg_calc_output_dimensions(&s.info);
}

JpegLayout JpegDecoder::State::layout() const {
  const bool is_gray = info.num_components == 1;  // one block after another, whatever its factors
  return {.size = {.height = static_cast<int32_t>(info.image_height),
                   .width = static_cast<int32_t>(info.image_width)},
          .block_width = DCTSIZE * (is_gray ? 1 : info.max_h_samp_factor),
          .block_height = DCTSIZE * (is_gray ? 1 : info.max_v_samp_factor),
          .restart_interval = info.restart_interval,
          .is_one_scan = info.progressive_mode == FALSE && info.arith_code == FALSE &&
                         info.comps_in_scan == info.num_components,
          .codes = jpeg.size() - info.src->bytes_in_buffer};
}

// Goes on with the part of the file that holds the window and its margin, where there is such a
// part. Returns where that lies in the picture, and the whole picture otherwise.
PixelWindow JpegDecoder::State::cut_to(const PixelWindow& window) {
  const ImageSize size = output_size();
  const PixelWindow whole = {.left = 0, .top = 0, .right = size.width, .bottom = size.height};
  if (!has_segments) return whole;
  const auto width = static_cast<int32_t>(info.image_width);
  const auto height = static_cast<int32_t>(info.image_height);
  const std::optional<PixelWindow> part =
      segments.cut({.left = std::max(window.left - kMarginColumns, 0) * denominator,
                    .top = std::max(window.top - kMarginRows, 0) * denominator,
                    .right = std::min((window.right + kMarginColumns) * denominator, width),
                    .bottom = std::min((window.bottom + kMarginRows) * denominator, height)});
  if (!part) return whole;
  jpeg = segments.part();
  run(read_header);
  const ImageSize kept = output_size();
  const int32_t left = part->left / denominator;  // blocks are whole at every size
  const int32_t top = part->top / denominator;
  return {.left = left, .top = top, .right = left + kept.width, .bottom = top + kept.height};
}

// libjpeg 2.1 smooths the blocks of a progressive file that lacks refinements, by what lies around
// them and has been read: such a file gives the same pixels only when it is read from its
// beginning.
bool JpegDecoder::State::is_smoothed() const {
  if (info.progressive_mode == FALSE || info.coef_bits == nullptr) return false;
  for (int c = 0; c < info.num_components; ++c) {
    for (int k = 1; k < DCTSIZE2; ++k) {
      if (info.coef_bits[c][k] != 0) return true;
    }
  }
  return false;
}

// jpeg_crop_scanline() of libjpeg 2.1 miscounts the columns of a component that is both decoded at
// a larger scale than the others and upsampled after that (4:1:0 at half its size).
bool JpegDecoder::State::can_crop_columns() const {
  for (int c = 0; c < info.num_components; ++c) {
    const jpeg_component_info& component = info.comp_info[c];
    const int larger = component.DCT_scaled_size / info.min_DCT_scaled_size;
    const bool is_upsampled = component.h_samp_factor * larger < info.max_h_samp_factor ||
                              component.v_samp_factor * larger < info.max_v_samp_factor;
    if (larger > 1 && is_upsampled) return false;
  }
  return !is_smoothed();
}

// decoded in: the window that is wanted; out: with the margin that libjpeg's block grid adds.
void JpegDecoder::State::start(State& s) {
  jpeg_start_decompress(&s.info);
  const auto width = static_cast<int32_t>(s.info.output_width);
  JDIMENSION left = static_cast<JDIMENSION>(std::max(s.decoded.left - kMarginColumns, 0));
  const int32_t right = std::min(s.decoded.right + kMarginColumns, width);
  JDIMENSION columns = static_cast<JDIMENSION>(right) - left;
  if (columns < kLeastColumns || !s.can_crop_columns()) {
    left = 0;
    columns = static_cast<JDIMENSION>(width);
  }
  if (columns < s.info.output_width) jpeg_crop_scanline(&s.info, &left, &columns);
  s.decoded.left = static_cast<int32_t>(left);
  s.decoded.right = static_cast<int32_t>(left + columns);
  s.decoded.top = s.is_smoothed() ? 0 : std::max(s.decoded.top - kMarginRows, 0);
}

void JpegDecoder::State::read_rows(State& s) {
  if (s.decoded.top > 0) jpeg_skip_scanlines(&s.info, static_cast<JDIMENSION>(s.decoded.top));
  while (static_cast<int32_t>(s.info.output_scanline) < s.decoded.bottom) {
    JSAMPROW rows[8];
    const auto at = static_cast<int32_t>(s.info.output_scanline);
    const int32_t count = std::min<int32_t>(s.decoded.bottom - at, 8);
    for (int32_t i = 0; i < count; ++i) {
      rows[i] = s.pixels.data() + (at + i - s.decoded.top) * s.row_bytes;
    }
    jpeg_read_scanlines(&s.info, rows, static_cast<JDIMENSION>(count));
  }
  // The file's end is looked at only by those who need its last row.
  if (s.info.output_scanline == s.info.output_height) {
    jpeg_finish_decompress(&s.info);
  } else {
    jpeg_abort_decompress(&s.info);
  }
}

// What is wrong with a file shows while its codes are read; at an eighth of the size all of them
// are read, and hardly any arithmetic follows.
void JpegDecoder::State::skim(State& s) {
  s.info.scale_num = 1;
  s.info.scale_denom = 8;
  s.info.do_fancy_upsampling = FALSE;
  jpeg_start_decompress(&s.info);
  while (s.info.output_scanline < s.info.output_height) {
    JSAMPROW row = s.pixels.data();
    jpeg_read_scanlines(&s.info, &row, 1);
  }
  jpeg_finish_decompress(&s.info);
}

JpegDecoder::JpegDecoder() : state_(std::make_unique<State>()) {}
JpegDecoder::~JpegDecoder() = default;
JpegDecoder::JpegDecoder(JpegDecoder&&) noexcept = default;
JpegDecoder& JpegDecoder::operator=(JpegDecoder&&) noexcept = default;

ImageSize JpegDecoder::open(std::span<const uint8_t> jpeg, const std::string& name) {
  State& s = *state_;
  s.jpeg = jpeg;
  s.name = name;
  s.denominator = 1;
  if (jpeg.empty()) refuse(name, SampleFault::kTruncated, "the file is empty");
  if (jpeg.size() < 3 || jpeg[0] != 0xFF || jpeg[1] != 0xD8 || jpeg[2] != 0xFF) {
    refuse(name, SampleFault::kFormat, "the file is no JPEG, but " + std::string(format_of(jpeg)));
  }
  s.run(State::read_header);
  const int components = s.info.num_components;
  if (components != 1 && components != 3 && components != 4) {
    refuse(name, SampleFault::kFormat,
           "a JPEG of " + std::to_string(components) + " colour components is no picture");
  }
  const auto height = static_cast<int64_t>(s.info.image_height);
  const auto width = static_cast<int64_t>(s.info.image_width);
  if (height * width > kLargestPixels) {
    refuse(name, SampleFault::kSize,
           "the image has " + std::to_string(width) + " x " + std::to_string(height) +
               " pixels, more than " + std::to_string(kLargestPixels));
  }
  s.has_segments = s.segments.open(jpeg, s.layout());
  return {.height = static_cast<int32_t>(height), .width = static_cast<int32_t>(width)};
}

ImageSize JpegDecoder::shrink(int32_t denominator) {
  State& s = *state_;
  CATAMARAN_ASSERT(denominator == 1 || denominator == 2 || denominator == 4 || denominator == 8,
                   "libjpeg halves");
  s.denominator = denominator;
  s.run(State::scale);
  return s.output_size();
}

PixelView JpegDecoder::decode_whole() {
  const ImageSize size = state_->output_size();
  return decode({.left = 0, .top = 0, .right = size.width, .bottom = size.height});
}

int32_t JpegDecoder::block_width() const { return state_->layout().block_width; }

void JpegDecoder::verify() {
  State& s = *state_;
  const auto row_bytes = static_cast<size_t>(s.info.image_width) * 4;
  if (s.pixels.size() < row_bytes) s.pixels.resize(row_bytes);
  s.run(State::skim);
}

PixelView JpegDecoder::decode(const PixelWindow& window) {
  State& s = *state_;
  const ImageSize size = s.output_size();
  CATAMARAN_ASSERT(window.left >= 0 && window.left < window.right && window.right <= size.width &&
                       window.top >= 0 && window.top < window.bottom &&
                       window.bottom <= size.height,
                   "a window is a part of the image");
  const PixelWindow part = s.cut_to(window);
  s.decoded = {.left = window.left - part.left,
               .top = window.top - part.top,
               .right = window.right - part.left,
               .bottom = window.bottom - part.top};
  s.run(State::start);
  s.row_bytes = int64_t{s.decoded.right - s.decoded.left} * 4;
  const int64_t rows = s.decoded.bottom - s.decoded.top;
  const auto bytes = static_cast<size_t>((rows + 1) * s.row_bytes + kViewSlack);
  if (s.pixels.size() < bytes) s.pixels.resize(bytes);
  s.run(State::read_rows);
  if (s.info.out_color_space == JCS_CMYK) {
    for (int64_t row = 0; row < rows; ++row) {
      cmyk_to_rgbx(s.pixels.data() + row * s.row_bytes, s.decoded.right - s.decoded.left);
    }
  }
  return {.window = window,
          .pixels = s.pixels.data() + (window.top - part.top - s.decoded.top) * s.row_bytes +
                    int64_t{window.left - part.left - s.decoded.left} * 4,
          .row_bytes = s.row_bytes};
}

// libjpeg-turbo tells its version to the preprocessor alone.
std::string decoder_version() {
#define CATAMARAN_TEXT_(x) #x
#define CATAMARAN_TEXT(x) CATAMARAN_TEXT_(x)
  return "libjpeg-turbo " CATAMARAN_TEXT(LIBJPEG_TURBO_VERSION) " (compiled with)";
}

}  // namespace catamaran
