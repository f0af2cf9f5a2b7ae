// Pack writer: from imported images to a pack folder that appears complete or not at all.
//
//   PackSummary done = write_pack(importer_result, "packs/voc07-trainval", options);
//
// Worker threads read the files, parse headers and hash, in bounded memory; shards are filled in
// the order of the images. A picture that is no decodable JPEG is collected: all bad ones are
// reported together, unless skip_bad drops and counts them. Errors: DataError; nothing half-written
// stays behind. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "dataio/imported_images.h"

namespace catamaran {

struct PackWriterOptions {
  int64_t shard_bytes =
      int64_t{512} << 20;  // of JPEG data, at most (a larger single image gets a shard of its own)
  int64_t threads = 0;     // 0: as many as cores
  bool skip_bad = false;
  bool progress = true;
};

struct PackSummary {
  PackManifest manifest;
  int64_t jpeg_bytes = 0;
  int64_t skipped = 0;
  double seconds = 0;
};

PackSummary write_pack(const ImportedImages& images, const std::filesystem::path& out,
                       const PackWriterOptions& options);

}  // namespace catamaran
