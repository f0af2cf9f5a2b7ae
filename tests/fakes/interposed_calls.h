// Calls of the C library that a test program answers itself: reads that stall, as those of a hung
// file system do, and a count of what is made durable. A program that uses one of these classes has
// its own pread and fsync.
//
//   StalledReads stalled("pack/shard-00001.h5");    // until it is destroyed
//   const int64_t before = fsync_calls();
//
// Thread-safe; one StalledReads at a time.
#pragma once

#include <cstdint>
#include <string>

namespace catamaran {

// While it lives, a pread of a file whose path ends so does not return; afterwards it does its
// work.
class StalledReads {
 public:
  explicit StalledReads(std::string end_of_path);
  StalledReads(const StalledReads&) = delete;
  StalledReads& operator=(const StalledReads&) = delete;
  ~StalledReads();
};

int64_t stalled_reads();  // right now
int64_t fsync_calls();

}  // namespace catamaran
