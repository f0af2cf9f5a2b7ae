// What LibTorch throws, in our words: its what() carries a stack trace, which is nothing for a
// user.
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <new>
#include <string>
#include <string_view>

#include "support/error.h"
#include "support/host_name.h"
#include "trainer/api.h"

namespace catamaran {
namespace {

Error out_of_memory(const std::string& what, const std::string& place) {
  return {
      ErrorKind::kInternal, what, "out of memory" + (place.empty() ? "" : " (" + place + ")"),
      "lower batch.per_device (the rest of the global batch is accumulated), --batch of eval, or "
      "the size of the model"};
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

// The CPU's allocator throws a plain c10::Error, with the place in its own sources in front.
constexpr const char* kOfCpuAllocator = "can't allocate memory";

// CUDA's own words for what comm/nccl_faults.h takes a node for bad for, as LibTorch passes them
// on.
bool is_broken_gpu(const std::string& line) {
  constexpr std::array<std::string_view, 8> kWords = {
      "uncorrectable ECC error", "uncorrectable NVLink error",
      "hardware stack error",    "unspecified launch failure",
      "busy or unavailable",     "system not yet initialized",
      "launch timed out",        "unknown error"};
  return line.find("CUDA error: ") != std::string::npos &&
         std::ranges::any_of(
             kWords, [&](std::string_view words) { return line.find(words) != std::string::npos; });
}

}  // namespace

bool is_out_of_memory(const std::exception& problem) {
  if (dynamic_cast<const std::bad_alloc*>(&problem) != nullptr ||
      dynamic_cast<const c10::OutOfMemoryError*>(&problem) != nullptr)
    return true;
  const auto* torchs = dynamic_cast<const c10::Error*>(&problem);
  return torchs != nullptr &&
         first_line(torchs->what_without_backtrace()).find(kOfCpuAllocator) != std::string::npos;
}

Error as_error(const std::exception& problem, const std::string& place) {
  if (const auto* ours = dynamic_cast<const Error*>(&problem)) return *ours;
  if (dynamic_cast<const std::bad_alloc*>(&problem) != nullptr)
    return out_of_memory("the machine has no more", place);
  if (const auto* torchs = dynamic_cast<const c10::Error*>(&problem)) {
    const std::string line = first_line(torchs->what_without_backtrace());
    if (is_out_of_memory(problem)) {
      const size_t cpu = line.find(kOfCpuAllocator);
      return out_of_memory(cpu == std::string::npos ? line : line.substr(cpu), place);
    }
    if (is_broken_gpu(line)) {
      const std::string host = host_name();
      return classified<CommError>(line, host, "look at the GPU's state with nvidia-smi and dmesg",
                                   FaultClass::kBadNode, {host});
    }
    return {ErrorKind::kInternal, line, "LibTorch", ""};
  }
  return {ErrorKind::kInternal, problem.what(), "", ""};
}

}  // namespace catamaran
