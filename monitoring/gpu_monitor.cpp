#include "monitoring/gpu_monitor.h"

#include <mutex>

#include "support/clock.h"

namespace catamaran {
namespace {

constexpr double kIntervalsUntilOld = 3;

}  // namespace

struct GpuMonitor::Answer {
  std::mutex mutex;  // guards the two below
  GpuFigures figures;
  double at = 0;  // steady_seconds()
};

GpuMonitor::GpuMonitor(const std::string& pci_bus_id, const std::string& library,
                       std::chrono::duration<double> interval)
    : oldest_seconds_(kIntervalsUntilOld * interval.count()), answer_(std::make_shared<Answer>()) {
  const std::shared_ptr<NvmlDevice> device = NvmlDevice::open(pci_bus_id, library);
  if (!device) return;
  uuid_ = device->uuid();
  poll_ = std::make_unique<BackgroundPoll>("gpu-monitor", interval, [device, answer = answer_] {
    const GpuFigures figures = device->read();
    const std::lock_guard lock(answer->mutex);
    answer->figures = figures;
    answer->at = steady_seconds();
  });
}

GpuFigures GpuMonitor::newest() const {
  const std::lock_guard lock(answer_->mutex);
  if (steady_seconds() - answer_->at > oldest_seconds_) return {};
  return answer_->figures;
}

}  // namespace catamaran
