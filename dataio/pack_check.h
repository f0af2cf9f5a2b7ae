// Checks of packs: every checksum, the labels counted again, every size against the picture's
// header, every picture decodable on demand, the same classes in the same order, no image in two;
// pictures that a pack holds twice are counted.
//
//   PackCheck result = check_pack("packs/voc07-trainval", {.decode = true});
//   require_same_classes(train, eval);
//   std::vector<PackOverlap> both = overlap(train, eval);      // images with the same bytes
//   std::vector<uint64_t> hashes = perceptual_hashes(train, 0); // dataio/near_duplicates.h
//
// Threads take shards (SHA-256 of the file) and images (XXH3, header) as they come, so that all
// cores hash and the disk is read in long runs.
//
// Errors: DataError for a pack that cannot even be opened; damaged images are in the result.
// Given a folder, check_pack() opens the pack: one thread at a time. All else: Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

struct PackCheckOptions {
  bool decode = false;  // decode every picture as well
  bool quick = false;   // without the SHA-256 of whole shards
  int64_t threads = 0;  // 0: as many as cores
  bool progress = true;
};

struct PackCheck {
  PackManifest manifest;
  std::string fingerprint;
  std::vector<int64_t> positives;    // per class, counted in the shards
  std::vector<int64_t> ignored;      // and so
  std::vector<std::string> damaged;  // sentences: shards, counts and images
  int64_t bytes = 0;                 // of the shards
  double seconds = 0;
  int64_t repeated = 0;  // pictures whose bytes an earlier one has: no damage
};

PackCheck check_pack(const PackReader& pack, const PackCheckOptions& options);
PackCheck check_pack(const std::filesystem::path& folder, const PackCheckOptions& options);

// DataError naming the first difference.
void require_same_classes(const PackReader& first, const PackReader& second);

// Of every image; threads = 0: as many as cores. DataError for a picture that cannot be decoded.
std::vector<uint64_t> perceptual_hashes(const PackReader& pack, int64_t threads, bool progress);

struct PackOverlap {
  std::string first_id;
  std::string second_id;
};
std::vector<PackOverlap> overlap(const PackReader& first, const PackReader& second);

}  // namespace catamaran
