// What would end a job in its first minute, found on the login node, without a GPU: packs, weights,
// the batch for these ranks, room for checkpoints.
//
//   SubmitChecks checks;
//   checks.packs(options);  checks.batch(options, /*ranks=*/8);  checks.room(options, {run});
//   checks.require();                        // one error with all that was found, if anything was
//   for (const std::string& note : checks.notes()) ...        // what a user should know besides
//
// Errors: of the kind of the first finding. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/run_status.h"
#include "support/error.h"
#include "trainer/options.h"

namespace catamaran {

class SubmitChecks {
 public:
  // pack.json of both, each shard with its size, the same classes in the same order.
  void packs(const RunOptions& options);
  void pack(const std::filesystem::path& folder);
  // Files that training would begin from.
  void weights(const RunOptions& options);
  // Micro-batches of all ranks, and no more images than the pack has.
  void batch(const RunOptions& options, int64_t ranks);
  // What is kept and two checkpoints more, of each of these runs, beside what is there already;
  // their size from the newest one, else from the model, which is made once for it.
  void room(const RunOptions& options, const std::vector<std::filesystem::path>& runs);
  // The time that is left, as fast as before, against that of a life (0: not known).
  void time(const RunStatus& run, int64_t ranks, int64_t seconds);

  void note(const std::string& sentence) { notes_.push_back(sentence); }
  const std::vector<std::string>& notes() const { return notes_; }
  // Another look that may throw an Error.
  void look(const std::function<void()>& at);
  void require() const;

 private:
  std::optional<int64_t> images_, labels_;  // of data.train, once it was looked at
  std::vector<Error> found_;
  std::vector<std::string> notes_;
};

// "14.2 h", "23 min"
std::string time_text(double seconds);

}  // namespace catamaran
