// The rows of the paper's tables 2 and 3,
// and which of them a run's configuration is.
//
//   const std::optional<PaperRow> row = paper_row_of(settings, "VOC2007");
//   row->name;  row->map;          // "CAT", 0.962
//
// A row follows from the data set and from the switches of the ablation alone. What else the
// numbers depend on, and the paper tells, are the row's conditions; those that a run does not meet
// make its numbers another experiment's: deviations_from. Ratios. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evaluation/f_measures.h"
#include "monitoring/recorded_config.h"

namespace catamaran {

struct PaperRow {
  std::string name;              // "CAT w/o LRD"
  std::string data_set;          // as in the paper: "MS-COCO", "VOC2007"
  std::optional<double> map;     // none: the paper says "out of memory"
  std::optional<FMeasures> all;  // of table 2, which has two rows of ours
};

// data_set: as a pack names it.
std::optional<PaperRow> paper_row_of(const std::vector<Setting>& settings,
                                     const std::string& data_set);

// What is not as in the paper, a clause each: "input of 224 px, the paper's is 448". images: that
// were evaluated.
std::vector<std::string> deviations_from(const PaperRow& row, const std::vector<Setting>& settings,
                                         int64_t images);

}  // namespace catamaran
