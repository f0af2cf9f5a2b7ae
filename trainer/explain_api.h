// Class activation maps over pictures, as in figure 3 of the paper, without a word of torch.
//
//   explain({.checkpoint = "runs/voc", .inputs = {"photo.jpg"}, .out = "runs/voc/explain"}, tell);
//
// For picture i, named STEM: i-STEM.png (the picture), i-STEM-LABEL.png (the map of a label over
// it, with the label and its probability), i-STEM.sheet.png (all of them on one sheet),
// i-STEM.maps.npy (the maps as numbers); explain.json lists them (docs/formats.md). With `compare`
// a second model's maps stand below the first's on the sheet, under the same labels.
//
// The folder appears as a whole when all is done, and takes the place of an earlier explanation; a
// folder that holds anything else is refused. A broken picture is told and left out.
//
// Errors: WeightsError (checkpoint), DataError (the truth, class lists that differ, no picture that
// is whole), UsageError (what is asked for contradicts itself; output). One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace catamaran {

struct ExplainRequest {
  std::filesystem::path checkpoint;
  std::filesystem::path compare;  // empty: none
  std::string weights = "auto";   // auto: ema if there, else raw; ema; raw

  // Pictures: files, folders, patterns, "-" (dataio/image_inputs.h), and the truth from a manifest,
  // whose pictures are those where none are named; or images of a pack.
  std::vector<std::string> inputs;
  std::filesystem::path manifest;  // JSON lines or CSV: docs/formats.md
  std::filesystem::path images;  // folder of the manifest's pictures; empty: where the manifest is
  std::filesystem::path pack;
  std::vector<std::string> ids;  // of the pack; none: its first `count`
  int64_t count = 0;             // 0: 8, or all where the best or the worst are looked for
  // Of these images so many of the lowest and of the highest loss (evaluation/image_losses.h).
  int64_t best = 0, worst = 0;
  std::filesystem::path scores;  // of eval on this pack; empty: the model looks at every image

  std::filesystem::path out;
  int64_t most = 3;                          // predicted labels per picture at most
  double threshold = 0.5;                    // where there is no file
  std::filesystem::path thresholds;          // file of thresholds fit, for `checkpoint`
  std::filesystem::path compare_thresholds;  // for `compare`; empty: `threshold`
  int threads = 1;
};

struct Explanation {
  std::string image;
  std::string model;  // the row's name on the sheet
  std::string label;
  double probability = 0;
  std::string verdict;            // trainer/explained_labels.h
  std::filesystem::path overlay;  // PNG
};

struct ExplainCounts {
  int64_t explained = 0;
  int64_t failed = 0;
};

// failed: the reason why a picture was left out.
ExplainCounts explain(const ExplainRequest& request,
                      const std::function<void(const Explanation&)>& explained,
                      const std::function<void(const std::string& reason)>& failed);

}  // namespace catamaran
