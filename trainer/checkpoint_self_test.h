// A small checkpoint of random bits, written as training writes its own, read back from the storage
// and compared bit for bit: whether a run can keep its checkpoints in a folder.
//
//   const SelfTest test = self_test_checkpoints(run.checkpoints());   // before the first step
//
// Nothing stays; what a killed process leaves is a temporary of support/atomic_file.h. Errors:
// WeightsError naming the folder, and what differs. Any thread, one a folder.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace catamaran {

struct SelfTest {
  int64_t bytes = 0;
  double seconds = 0;  // to write, sync, read and compare them
};

// written(checkpoint): called between writing and reading, for tests of bad storage.
SelfTest self_test_checkpoints(
    const std::filesystem::path& folder,
    const std::function<void(const std::filesystem::path& checkpoint)>& written = {});

}  // namespace catamaran
