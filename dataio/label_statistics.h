// What a data set looks like, in numbers: labels, how they go together, sizes of the images.
//
//   const LabelStatistics statistics = label_statistics(pack);
//   nlohmann::json json = statistics_json(statistics);        // docs/formats.md has the keys
//
// Thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dataio/pack_reader.h"

namespace catamaran {

constexpr size_t kMostClassesTogether = 2000;

struct Distribution {
  double least = 0;
  double mean = 0;
  double most = 0;
  // At the shares 0.05, 0.25, 0.5, 0.75 and 0.95, between the two values there (numpy's default).
  std::vector<double> quantiles;
};

struct LabelStatistics {
  std::string data_set;
  std::string split;
  int64_t images = 0;
  int64_t image_bytes = 0;  // stored
  std::vector<std::string> classes;
  std::vector<int64_t> present;  // per class: images with label 1
  std::vector<int64_t> ignored;  // per class: images with label 0
  // Images with so many labels present: element k of them have k.
  std::vector<int64_t> labels_per_image;
  // Row-major L x L: images with both classes present; the diagonal is `present`. Empty for more
  // than kMostClassesTogether classes.
  std::vector<int64_t> together;
  Distribution width;
  Distribution height;
  Distribution aspect;  // width / height
  Distribution megapixels;
};

LabelStatistics label_statistics(const PackReader& pack);
nlohmann::json statistics_json(const LabelStatistics& statistics);

}  // namespace catamaran
