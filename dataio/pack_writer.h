// Pack writer: from imported images to a pack folder that appears complete or not at all.
//
//   PackSummary done = write_pack(importer_result, "packs/voc07-trainval", options);
//
// Worker threads read the files, decode and hash them, in bounded memory (kLargestReadAhead and the
// images at hand, whatever the size of shards; with restart markers 14 bytes for each pixel of
// those that the threads are at); shards are filled in the order of the images, their bytes written
// as they come. A picture that cannot be decoded to its end is collected: all bad ones are reported
// together, unless skip_bad leaves them out and counts them. A run that was killed is gone on with
// by the next one with the same images and options, from its first unfinished shard
// (dataio/partial_pack.h); the result's bytes are those of an undisturbed run. Errors: DataError;
// nothing half-written is ever at `out`. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "dataio/imported_images.h"

namespace catamaran {

constexpr int64_t kLargestReadAhead = int64_t{64} << 20;  // bytes of files read and not yet written

struct PackWriterOptions {
  int64_t shard_bytes =
      int64_t{512} << 20;  // of images, at most (a larger single image gets a shard of its own)
  int64_t pixels = 0;      // side of squares to store in place of JPEG files; 0: the files
  bool decode = true;      // decode every file to its end before it is packed
  bool restart_markers = false;  // JPEG files are written anew with them: dataio/restart_markers.h
  int64_t threads = 0;           // 0: as many as cores
  bool skip_bad = false;
  bool resumable = true;  // finished shards stay for the next run
  bool progress = true;
};

constexpr size_t kBadImagesNamed = 50;  // in the notes of the pack

struct PackSummary {
  PackManifest manifest;
  int64_t image_bytes = 0;  // JPEG files or pixels
  int64_t kept_shards = 0;  // of a run that was killed
  int64_t skipped = 0;
  double seconds = 0;
};

PackSummary write_pack(const ImportedImages& images, const std::filesystem::path& out,
                       const PackWriterOptions& options);

}  // namespace catamaran
