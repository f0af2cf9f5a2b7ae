#include "launch/doctor_device.h"

#include <optional>

#include "support/bounded_call.h"
#include "support/text.h"
#include "trainer/device_check.h"

namespace catamaran {
namespace {

constexpr const char* kTopic = "device";
constexpr const char* kLeaveOut =
    "leave the node out (sbatch --exclude) and have processor, GPU and memory tested";

}  // namespace

Finding judge_device(const ComputeDevice& device, const std::string& name, double seconds,
                     double* flops_per_second) {
  const std::optional<DeviceCheck> check =
      call_within<DeviceCheck>(kDevicePatience, [device, seconds] {
        return check_device(device.kind, device.index, device.threads, seconds);
      });
  if (!check)
    return failure(kTopic,
                   text("a product of matrices on %s has not come back within %.0f s", name.c_str(),
                        kDevicePatience),
                   kLeaveOut);
  if (flops_per_second != nullptr) *flops_per_second = check->flops_per_second;
  if (check->wrong > 0)
    return failure(kTopic,
                   text("%ld elements of a product of known matrices on %s are wrong (%s)",
                        check->wrong, name.c_str(), check->first_wrong.c_str()),
                   kLeaveOut);
  if (check->different > 0)
    return failure(kTopic,
                   text("%ld of %ld products of the same matrices on %s differ from the first",
                        check->different, check->products, name.c_str()),
                   kLeaveOut);
  return fine(kTopic, text("%ld products of known matrices are right", check->products));
}

}  // namespace catamaran
