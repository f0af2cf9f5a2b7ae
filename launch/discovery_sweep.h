// Clears a folder of Prometheus' file discovery (monitoring/discovery.h) of targets whose run is
// over, so that nobody is woken for what ended long ago.
//
//   const DiscoverySweep done = sweep_discovery({.folder = "/shared/prometheus"}, ask_squeue);
//   for (const DiscoveryVerdict& one : done.verdicts) ...   one.goes, one.why
//
// A file goes when its run is done or was stopped, and when it failed or was lost, `grace_seconds`
// after its last sign of life, so that the alert of its death is seen first, unless Slurm still
// knows its job: it will be started again. Where the run directory cannot be seen Slurm alone
// decides; where neither says anything the file stays. Errors: UsageError where the folder cannot
// be read, or a file in it cannot be deleted. Thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/discovery.h"
#include "monitoring/run_status.h"

namespace catamaran {

struct SlurmAnswer {
  enum Kind {
    kNoSlurm,   // there is no squeue here
    kSilent,    // it did not answer, or not so that it can be understood: why is in `text`
    kNotKnown,  // no such job, or it has ended
    kKnown,     // pending, running, ...: in `text`
  };
  Kind kind = kNoSlurm;
  std::string text;
};
using AskSlurm = std::function<SlurmAnswer(const std::string& job_id)>;
// By squeue, within ten seconds.
SlurmAnswer ask_squeue(const std::string& job_id);

struct DiscoveryVerdict {
  DiscoveryTarget target;
  bool goes = false;
  std::string why;  // a clause: "the run is done"
};
// run: none where its folder cannot be seen; job: none where the target names none. Pure function.
DiscoveryVerdict judge_discovery(const DiscoveryTarget& target, const std::optional<RunStatus>& run,
                                 const std::optional<SlurmAnswer>& job, double now,
                                 double grace_seconds);

struct DiscoverySweepOptions {
  std::filesystem::path folder;
  double grace_seconds = 600;
  bool dry_run = false;
};
struct DiscoverySweep {
  std::vector<DiscoveryVerdict> verdicts;  // of every target; those that go have gone
  std::vector<std::string> left_out;       // files that are none of ours
  bool has_slurm = false;                  // squeue answered, or could have
};
DiscoverySweep sweep_discovery(const DiscoverySweepOptions& options, const AskSlurm& ask);

}  // namespace catamaran
