// TrainerParts: the plain things a run consists of, and parts without dependencies among
// themselves, made by trainer/builder before the Trainer. One thread at a time.
#pragma once

#include <torch/torch.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataio/sample_order.h"
#include "model/cat.h"
#include "model/safetensors.h"
#include "monitoring/gpu_monitor.h"
#include "support/log_counts.h"
#include "trainer/options.h"
#include "trainer/run_directory.h"
#include "trainer/time_limit.h"

namespace catamaran {

// Where the run is; restored from a checkpoint.
struct RunPosition {
  int64_t step = 0;  // done
  int64_t skipped_in_row = 0;
  int64_t substituted = 0;  // images, in the epoch that is running
  double best_map = -1;
  int64_t best_step = 0;
  int64_t evaluated_step = -1;  // newest evaluation
  int64_t saved_step = -1;      // newest checkpoint asked for
};

struct TrainerParts {
  RunOptions options;
  std::filesystem::path run_dir;                  // empty: nothing is written
  std::shared_ptr<const RunDirectory> directory;  // of run_dir, where it is this rank's
  torch::Device device = torch::Device(torch::kCPU);
  BatchSplit batch;
  int64_t steps_per_epoch = 0;
  std::string train_fingerprint;
  std::map<std::string, std::string> settings;  // TrainRequest::settings
  std::vector<std::string> classes;
  Cat cat{nullptr};
  NamedTensors parameters;  // those that are trained, in the reducer's order
  NamedTensors buffers;
  RunPosition position;
  const std::atomic<bool>* stop_wish = nullptr;
  const std::atomic<int64_t>* signals = nullptr;  // TrainRequest::signals
  const LogCounts* log_counts = nullptr;          // none: nobody counts; outlives the run
  std::shared_ptr<const GpuMonitor> gpu;          // of this rank's GPU; or none
  std::optional<Deadline> deadline;
};

inline std::vector<torch::Tensor> tensors_of(const NamedTensors& named) {
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : named) tensors.push_back(tensor);
  return tensors;
}

}  // namespace catamaran
