// What launch/ asks about the checkpoints of a run: which there are, whether they are whole, and to
// delete those that the run no longer needs. Without a word of torch.
//
//   const CheckpointList list = list_checkpoints("runs/voc");
//   for (const CheckpointVerdict& one : verify_checkpoints({"runs/voc"})) ...
//   prune_checkpoints({.run = "runs/voc", .keep = 2}, [](const PrunedItem& item) { ... });
//
// All may run while the run trains, but for prune, which takes the run's lock. Bytes are of whole
// folders. Errors: UsageError for what is no run or checkpoint, or is in use; WeightsError. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace catamaran {

struct CheckpointSummary {
  std::filesystem::path path;
  int64_t step = 0;            // that the folder's name tells
  int64_t epoch = -1;          // whole epochs done; -1: state.json cannot be read
  int64_t step_in_epoch = 0;   // steps of the next one
  double written_seconds = 0;  // unix time at which state.json was written last; 0: there is none
  int64_t bytes = 0;
  bool latest = false;     // `latest` names it
  bool best = false;       // of the evaluations so far
  double map = -1;         // of the best one
  bool abandoned = false;  // of a course that the run went back from
  std::string problem;     // empty: complete, as far as can be told without reading the tensors
};
// A temporary of one that writes, or of one that was killed.
struct CheckpointLeftover {
  std::filesystem::path path;
  int64_t bytes = 0;
  std::string host;  // of the writer
  int64_t process = 0;
  bool writer_is_gone = false;  // on this host, where no process has its number; else not known
};
struct CheckpointList {
  std::vector<CheckpointSummary> checkpoints;  // highest step first
  std::vector<CheckpointLeftover> leftovers;
};
CheckpointList list_checkpoints(const std::filesystem::path& run);

struct CheckpointVerdict {
  std::filesystem::path path;
  int64_t bytes = 0;
  std::string problem;   // empty: whole; else file, what is wrong with it, and what to do
  bool is_gone = false;  // a run that trains on has deleted it meanwhile
};
// Reads everything: checksums, and whether the files belong together. `given`: run directories (all
// their checkpoints, newest first) and checkpoint folders. Progress on stderr after 5 seconds.
std::vector<CheckpointVerdict> verify_checkpoints(const std::vector<std::filesystem::path>& given);

struct PruneRequest {
  std::filesystem::path run;
  int64_t keep = 3;               // checkpoint.keep
  int64_t keep_every_epochs = 0;  // checkpoint.keep_every_epochs
  bool dry_run = false;           // tells, and deletes nothing
};
struct PrunedItem {
  std::filesystem::path path;
  int64_t bytes = 0;
};
// Deletes what the run itself would delete after its next checkpoint, and what killed writers left.
// Stays in any case: the newest one that is whole, the one that `latest` names, and the best.
// pruned: called for each after it is gone. Returns how many checkpoints stay.
int64_t prune_checkpoints(const PruneRequest& request,
                          const std::function<void(const PrunedItem&)>& pruned);

}  // namespace catamaran
