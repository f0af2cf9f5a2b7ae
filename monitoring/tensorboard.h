// TensorBoardLog: a run's curves as event files for TensorBoard, RUN/tensorboard/events.out.
// tfevents.TIME.HOST.PROCESS, one for each start of the run that has something to say.
//
//   TensorBoardLog log(run_dir / "tensorboard", steps_done_before);
//   log.record(report);  log.record(evaluation, "ema", step);
//   tensorboard --logdir RUN                                   // or a folder of runs
//
// The file is made with the first event, and tells readers that what earlier files say of later
// steps than the one this start began with is void: the run does them again. Names rise from start
// to start, whatever the clocks of hosts say, since that is the order in which files are read.
// Tags: train/loss, train/learning_rate, train/gradient_norm, speed/images_per_second,
// speed/data_wait_ratio; eval_ema/map (or eval_raw), of1, cf1, op, or, cp, cr, top3_of1, top3_cf1.
// Every event is the kernel's at once. Errors: none; what storage does not take is left out, with a
// warning once an outage (support/append_file.h). One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "evaluation/protocol.h"
#include "monitoring/event_record.h"
#include "monitoring/step_report.h"
#include "support/append_file.h"

namespace catamaran {

class TensorBoardLog {
 public:
  TensorBoardLog(std::filesystem::path folder, int64_t first_step);
  void record(const StepReport& report);
  // weights: raw, ema; step: steps done.
  void record(const Evaluation& evaluation, const std::string& weights, int64_t step);

 private:
  void write(int64_t step, std::vector<EventScalar> scalars);
  bool is_open();
  void append(const std::string& event);

  std::filesystem::path folder_;
  int64_t first_step_;
  std::optional<AppendFile> file_;
  bool was_refused_ = false;          // no file could be made: said once
  bool has_started_ = false;          // the start was told to readers
  std::set<std::string> known_tags_;  // in the file
};

}  // namespace catamaran
