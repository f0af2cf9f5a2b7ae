// A pack split into parts by iterative stratification (dataio/stratified_split.h), and how near the
// parts come to what was wanted.
//
//   const std::vector<PartShare> wanted = parse_parts("train=0.8,val=0.1,test=0.1");
//   PackSplit split = split_pack(pack, wanted, seed);
//   write_pack(split.parts[0], out / "train", like(*pack, options));
//   print(split.report);
//
// Copies of a picture (the same checksum and length) are in one part. Images keep the pack's order.
// Errors: UsageError for shares that are no split of this pack. One thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataio/pack_selection.h"

namespace catamaran {

struct PartShare {
  std::string name;  // of its folder
  double share = 0;  // of the images, 0 to 1
};

// At least two parts with names of their own, of letters, digits, '_', '-' and '.', whose shares
// are positive and sum to 1. Errors: UsageError.
std::vector<PartShare> parse_parts(const std::string& text);

struct SplitReport {
  struct Part {
    std::string name;
    double share = 0;  // wanted, also of each class
    int64_t wanted_images = 0;
    int64_t images = 0;
    int64_t without_labels = 0;        // no class is present
    std::vector<int64_t> positives{};  // per class
  };
  // Where what a part has of a class is farthest from what was wanted.
  struct Deviation {
    size_t part = 0;
    size_t at = 0;      // the class
    double share = 0;   // of the class's positives
    double images = 0;  // positives more (or fewer) than wanted
  };
  std::vector<std::string> classes;
  std::vector<int64_t> positives;  // per class, in all
  int64_t images = 0;
  int64_t copies = 0;  // images that are a copy of an earlier one
  std::vector<Part> parts;

  // Share of a class's positives that the part has; 0 where it has none anywhere.
  double share(size_t part, size_t at) const;
  // None where no class has a positive.
  std::optional<Deviation> largest_by_share() const;
  std::optional<Deviation> largest_by_images() const;
};

struct PackSplit {
  std::vector<ImportedImages> parts;
  SplitReport report;
};

PackSplit split_pack(const SharedPack& pack, const std::vector<PartShare>& parts, uint64_t seed);

}  // namespace catamaran
