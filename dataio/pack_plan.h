// PackPlan: which images go into which shard, known before the first is read, so that a run that
// goes on after a kill finds the same shards. Plain data.
//
//   const PackPlan plan = plan_pack(imported, {.shard_bytes = 512 << 20, .intake = {}});
//
// Shards are filled in the order of the images, up to shard_bytes (a single larger image has one of
// its own). Fingerprints name everything that decides the bytes: that of the plan the options and
// classes, that of a part the id, labels and source of its images (path, size and time of the file,
// or checksum in its pack). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataio/imported_images.h"
#include "dataio/packed_image.h"

namespace catamaran {

struct PackPlanOptions {
  int64_t shard_bytes = 0;
  IntakeOptions intake;
};

struct PackPlan {
  struct Part {
    int64_t begin = 0;  // images [begin, end)
    int64_t end = 0;
    std::string fingerprint;
  };
  std::vector<Part> parts;
  std::vector<int64_t> bytes;  // per image, in the pack
  std::string fingerprint;
};

PackPlan plan_pack(const ImportedImages& imported, const PackPlanOptions& options);

}  // namespace catamaran
