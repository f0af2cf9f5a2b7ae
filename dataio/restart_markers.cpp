#include "dataio/restart_markers.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "dataio/jpeg_decoder.h"
#include "dataio/libjpeg_guard.h"

namespace catamaran {
namespace {

// What lies beside a crop and in its segments is read in vain; a marker costs about six bytes, so
// one for each block a fifteenth of the file.
constexpr int64_t kMostBlocks = 4;
constexpr size_t kLeastRoom = size_t{64} << 10;

// Of blocks between two markers: the most, up to kMostBlocks, of which a row is a multiple.
int64_t interval_for(int64_t blocks_in_row) {
  int64_t blocks = std::min(blocks_in_row, kMostBlocks);
  while (blocks_in_row % blocks != 0) --blocks;
  return blocks;
}

bool are_equal(const PixelView& a, const PixelView& b) {
  if (a.window.right != b.window.right || a.window.bottom != b.window.bottom) return false;
  const size_t bytes = static_cast<size_t>(a.window.right) * 4;
  for (int64_t row = 0; row < a.window.bottom; ++row) {
    if (std::memcmp(a.pixels + row * a.row_bytes, b.pixels + row * b.row_bytes, bytes) != 0)
      return false;
  }
  return true;
}

}  // namespace

// What libjpeg's calls touch; they run under the guard and own nothing.
struct RestartMarkers::State {
  LibjpegGuard guard;
  jpeg_decompress_struct in{};
  jpeg_compress_struct out{};
  std::vector<uint8_t> room;         // for the result, which hardly ever needs more
  unsigned char* written = nullptr;  // room, or what libjpeg has allocated instead
  unsigned long written_bytes = 0;
  std::vector<uint8_t> result;
  JpegDecoder before;
  JpegDecoder after;

  State() {
    in.err = guard.manager();
    out.err = guard.manager();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  static void transcode(State& s, std::span<const uint8_t> jpeg, int64_t blocks_in_row);
};

void RestartMarkers::State::transcode(State& s, std::span<const uint8_t> jpeg,
                                      int64_t blocks_in_row) {
  jpeg_create_decompress(&s.in);
  jpeg_create_compress(&s.out);
  s.guard.limit_scans(s.in);
  jpeg_mem_src(&s.in, jpeg.data(), static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(&s.in, TRUE);
  jvirt_barray_ptr* const coefficients = jpeg_read_coefficients(&s.in);
  jpeg_copy_critical_parameters(&s.in, &s.out);
  s.out.restart_interval = static_cast<unsigned>(interval_for(blocks_in_row));
  s.out.optimize_coding = TRUE;
  jpeg_mem_dest(&s.out, &s.written, &s.written_bytes);
  jpeg_write_coefficients(&s.out, coefficients);
  jpeg_finish_compress(&s.out);
  jpeg_finish_decompress(&s.in);
}

RestartMarkers::RestartMarkers() : state_(std::make_unique<State>()) {}
RestartMarkers::~RestartMarkers() = default;
RestartMarkers::RestartMarkers(RestartMarkers&&) noexcept = default;
RestartMarkers& RestartMarkers::operator=(RestartMarkers&&) noexcept = default;

bool RestartMarkers::add(std::span<const uint8_t> jpeg, const std::string& name) {
  State& s = *state_;
  const ImageSize size = s.before.open(jpeg, name);
  if (int64_t{size.height} * size.width > kMostPixels) return false;
  s.room.resize(jpeg.size() * 2 + kLeastRoom);
  s.written = s.room.data();
  s.written_bytes = static_cast<unsigned long>(s.room.size());
  const int64_t block = s.before.block_width();
  const int64_t blocks_in_row = (size.width + block - 1) / block;
  const bool done = s.guard.run([&] { State::transcode(s, jpeg, blocks_in_row); });
  jpeg_destroy_decompress(&s.in);
  jpeg_destroy_compress(&s.out);
  if (!done && s.guard.out_of_memory()) throw std::bad_alloc();
  if (!done) return false;
  s.result.assign(s.written, s.written + s.written_bytes);
  if (s.written != s.room.data()) std::free(s.written);
  s.after.open(s.result, name);
  return are_equal(s.before.decode_whole(), s.after.decode_whole());
}

const std::vector<uint8_t>& RestartMarkers::result() const { return state_->result; }

}  // namespace catamaran
