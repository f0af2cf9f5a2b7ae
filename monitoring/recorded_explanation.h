// What `catamaran explain` left in RUN/explain, with its pictures made small.
//
//   const std::vector<ExplainedImage> seen = read_explained(run / "explain", problems);
//
// Empty where there is none. A picture that explain.json names must be a PNG file beside it: any
// other name could embed any file of this machine. What is wrong with an image is a sentence in
// `problems`, and the image is left out; at most kMostExplained are read. Thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "monitoring/recorded_run.h"

namespace catamaran {

constexpr size_t kMostExplained = 24;  // images of a run
constexpr size_t kMostOverlays = 6;    // labels of an image that are shown with their map

std::vector<ExplainedImage> read_explained(const std::filesystem::path& folder,
                                           std::vector<std::string>& problems);

}  // namespace catamaran
