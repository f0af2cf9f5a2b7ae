// GpuMonitor: how this rank's GPU is, asked for in a thread of its own every so many seconds, so
// that the step never waits for a driver.
//
//   GpuMonitor gpu("0000:65:00.0");     // CUDA's name of it
//   gpu.uuid();   gpu.newest();         // at once; NaN where nothing is known (yet, or any more)
//
// Without NVML nothing is known, and nothing is said (monitoring/nvml_device.h). An answer older
// than three intervals is not known any more: a GPU that has fallen off its bus does not look as if
// it were well. Thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "monitoring/background_poll.h"
#include "monitoring/nvml_device.h"
#include "monitoring/rank_figures.h"

namespace catamaran {

class GpuMonitor {
 public:
  explicit GpuMonitor(const std::string& pci_bus_id,
                      const std::string& library = NvmlDevice::kLibrary,
                      std::chrono::duration<double> interval = std::chrono::seconds(10));
  GpuMonitor(const GpuMonitor&) = delete;
  GpuMonitor& operator=(const GpuMonitor&) = delete;

  const std::string& uuid() const { return uuid_; }
  GpuFigures newest() const;

 private:
  struct Answer;
  std::string uuid_;
  double oldest_seconds_;
  std::shared_ptr<Answer> answer_;        // the poll's thread has a share
  std::unique_ptr<BackgroundPoll> poll_;  // none without a GPU that NVML knows
};

}  // namespace catamaran
