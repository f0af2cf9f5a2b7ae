// What becomes of one image on its way into a pack: read, decoded, hashed, with the reason where it
// cannot be packed.
//
//   ImageIntake intake({.pixels = 0, .decode = true});        // one per worker thread
//   PackedImage packed = intake.take(imported);
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/image.h"
#include "dataio/imported_images.h"
#include "dataio/restart_markers.h"

namespace catamaran {

struct IntakeOptions {
  int64_t pixels = 0;            // side of the squares to pack; 0: the files as they are
  bool decode = true;            // false: files are trusted beyond header and end marker
  bool restart_markers = false;  // JPEG files are written anew with them (dataio/restart_markers.h)
};

struct PackedImage {
  std::vector<uint8_t> bytes;
  ImageSize size;  // of the image, also where its bytes are those of a square
  uint64_t checksum = 0;
  PictureKey file;      // of the file that it was made of
  std::string problem;  // why it cannot be packed; empty: nothing is wrong
};

class ImageIntake {
 public:
  explicit ImageIntake(IntakeOptions options) : options_(options) {}

  PackedImage take(const ImportedImage& image);

 private:
  void read(const ImportedImage& image, PackedImage& packed);
  void judge(const ImportedImage& image, PackedImage& packed);

  IntakeOptions options_;
  ImageDecoder decoder_;
  RestartMarkers markers_;
};

// What the image takes up in the pack, bytes, before it is read: the size of its file, or of its
// square. 0 for a file that is not there.
int64_t packed_bytes(const ImportedImage& image, const IntakeOptions& options);

}  // namespace catamaran
