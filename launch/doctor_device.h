// Products of known matrices on one device, as a finding: right, wrong, or not come back.
//
//   double speed = 0;
//   const Finding finding = judge_device({DeviceKind::kCuda, 0, 8}, "GPU 0000:41:00.0", 1, &speed);
//
// trainer/device_check.h does the work, on a thread that is left behind where the device hangs
// (support/bounded_call.h). Errors: what LibTorch throws, for as_error (trainer/api.h).
// Thread-safe.
#pragma once

#include <string>

#include "comm/process_group.h"
#include "support/finding.h"

namespace catamaran {

struct ComputeDevice {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;    // of a GPU, among those that are visible
  int threads = 1;  // that compute on the CPU
};

constexpr double kDevicePatience = 30;  // seconds
Finding judge_device(const ComputeDevice& device, const std::string& name, double seconds,
                     double* flops_per_second = nullptr);

}  // namespace catamaran
