// PostMortem: what a rank writes down when the job fails, so that RUN/failure.json says which rank
// was the cause, where it was and what the others waited for, whoever is still able to write.
//
//   PostMortem post_mortem({.path = run_dir, .directory = directory}, group, trainer->trace(),
//                          first_step, terminated);   // by all ranks
//   try { trainer->run(); } catch (...) { post_mortem.failed(error); throw; }
//   post_mortem.ended_well();
//
// Each rank writes RUN/failure/START/rank-00001.json, START being RunDirectory::start of rank 0, so
// that the words of one start are never mixed with another's: with its error, or when the launcher
// ends it because of another rank (TERM came, and the step loop has stood still for half a second
// since). Rank 0 writes what it heard of the others, too: every rank sends it a heartbeat about
// once a second (comm/heartbeats.h), which tells a rank that is gone from one that hangs also on
// other hosts. Each then puts all ranks' files and what the kernel says of this host's processes
// together, as RUN/failure.json, and says the cause on stderr where that is new and no rank's own
// error. A thread of its own does it, bounded in time, without a collective, and calls no MPI:
// mpirun kills two seconds after TERM. The constructor keeps a failure.json of an earlier start as
// failure-before.json (trainer/manifest.h tells of it).
//
// Nothing is written or deleted in a run directory that is no longer the job's own: rank 0 asks
// RunDirectory, the others write only where this start's folder is, which is not made again and
// which the next start deletes. failure.json of another start stays as it is.
//
// Collective: the constructor. Then failed and ended_well by the step loop's thread. What cannot be
// written is left out: a post-mortem never adds an error of its own.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/heartbeats.h"
#include "comm/process_group.h"
#include "monitoring/trace.h"
#include "support/error.h"
#include "trainer/run_directory.h"

namespace catamaran {

// Where a rank writes.
struct PostMortemPlace {
  // Kind: of a rank's own error that is the cause; nullopt: the job's end is the launcher's.
  using OnCause = std::function<void(const std::string& sentence, std::optional<ErrorKind> kind)>;

  std::filesystem::path path;  // of the run directory
  // Rank 0's; none on others. A thread that storage holds up has a share.
  std::shared_ptr<const RunDirectory> directory;
  // Called once failure.json has been written, in the thread that wrote it, which may outlive all
  // that is the caller's own; must not throw. Or none.
  OnCause on_cause = nullptr;
};

class PostMortem {
 public:
  // terminated: set by TERM; may be nullptr. group must outlive this. first_step: done before this
  // start.
  PostMortem(const PostMortemPlace& place, ProcessGroup& group,
             const std::shared_ptr<const TraceRecorder>& trace, int64_t first_step,
             const std::atomic<bool>* terminated);
  PostMortem(const PostMortem&) = delete;
  PostMortem& operator=(const PostMortem&) = delete;
  ~PostMortem();

  // Rank 0: seconds since the newest heartbeat of each other rank; none where nobody listens.
  // Thread-safe, and good for longer than this lives.
  std::function<std::vector<double>()> silences() const;
  // Returns when all is written, after three seconds at most. Also for what ended_well throws.
  void failed(const Error& error) noexcept;
  // By all ranks: what was written is deleted again. Errors: CommError where a rank does not come.
  void ended_well();

 private:
  class Files;
  class Writer;
  ProcessGroup& group_;
  Heartbeats heartbeats_;           // not the writer's: its thread may outlive the group
  std::shared_ptr<Writer> writer_;  // its thread has a share
  std::thread thread_;
};

}  // namespace catamaran
