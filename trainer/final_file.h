// FinalFile: RUN/final.prom, how this start of the run ended (monitoring/final_page.h), written by
// rank 0 wherever it still can: at a clean end, with its own error, or when the launcher ends it
// because of another rank.
//
//   FinalFile final_file(directory, info.run);
//   final_file.follow(trainer->metrics());        // whose numbers it shows
//   final_file.write({.reason = "failure", .cause = error.what(), .exit_code = 6});
//
// Removes the one of the start before when it is made. Nothing is written where the run directory
// is no longer the job's own; what cannot be written is left out. Thread-safe: while one thread is
// held up by storage, another one's word is left out, too.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "monitoring/final_page.h"
#include "monitoring/metrics.h"
#include "trainer/run_directory.h"

namespace catamaran {

class FinalFile {
 public:
  FinalFile(std::shared_ptr<const RunDirectory> directory, std::string run);
  FinalFile(const FinalFile&) = delete;
  FinalFile& operator=(const FinalFile&) = delete;

  void follow(std::shared_ptr<const Metrics> metrics);
  // The run's name, numbers and the time are added.
  void write(RunEnd end) noexcept;

 private:
  std::filesystem::path path() const { return directory_->path() / "final.prom"; }

  std::shared_ptr<const RunDirectory> directory_;
  std::string run_;
  std::timed_mutex mutex_;  // guards metrics_ and the file
  std::shared_ptr<const Metrics> metrics_;
};

}  // namespace catamaran
