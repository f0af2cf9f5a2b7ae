// RestartMarkers: a JPEG written anew with restart markers, so that a crop is decoded without the
// rest of the picture (dataio/jpeg_segments.h). Coefficients and tables of quantisation are those
// of the file, so the pixels are; that is not believed but compared, byte by byte. Progressive
// files become sequential ones. What is not picture (EXIF, profiles, comments) is left out.
//
//   RestartMarkers markers;                                        // one per worker thread
//   if (markers.add(jpeg, "000012")) use(markers.result());
//
// Errors: DataError for a file whose header is damaged, std::bad_alloc. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace catamaran {

class RestartMarkers {
 public:
  RestartMarkers();
  ~RestartMarkers();
  RestartMarkers(RestartMarkers&&) noexcept;
  RestartMarkers& operator=(RestartMarkers&&) noexcept;

  // False for a file that stays as it is: of more than kMostPixels, one that libjpeg cannot write
  // (damaged, perhaps: verify() tells), or whose pixels would not be the same (a progressive one
  // without its last refinements, which libjpeg smooths).
  bool add(std::span<const uint8_t> jpeg, const std::string& name);
  const std::vector<uint8_t>& result() const;

  static constexpr int64_t kMostPixels = int64_t{1} << 25;  // each takes up to 14 bytes of memory

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace catamaran
