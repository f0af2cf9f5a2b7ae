// Why a job of several ranks ended: what each rank wrote down of itself, and what that says
// together.
//
//   const std::vector<RankRecord> ranks = ...;               // by rank
//   const std::string cause = cause_of(ranks);               // one sentence; empty: nothing stands
//   out write(json_text(failure_json(ranks, cause)));            // docs/formats.md, failure.json
//
// A rank that cannot write any more (killed, stopped, its node lost) is told by its silence, and
// where it ran on the host of a rank that can, by what the kernel says of its process; elsewhere by
// its heartbeats: none for three seconds, and it is gone or stopped; they still arrive, and it
// hangs. A rank that is gone is said to have met the end of memory where the ranks of its host held
// most of what there was. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "comm/collective_state.h"
#include "comm/heartbeat.h"
#include "support/error.h"
#include "support/thread_stacks.h"

namespace catamaran {

enum class RankEnd {
  kFailed,   // with an error of its own
  kEnded,    // by the launcher, when another rank had failed
  kAlive,    // its process runs, and wrote nothing (yet)
  kStopped,  // its process is stopped by a signal
  kStorage,  // its process waits in the kernel, as for storage
  kGone,     // its process is no more
  kSilent,   // on another host or in another container: nothing is known but its heartbeats
};

struct RankRecord {
  int rank = 0;
  std::string host;
  int64_t process = 0;
  uint64_t process_namespace = 0;  // that `process` is a number of; not written
  RankEnd end = RankEnd::kSilent;
  // Of ranks that wrote, kFailed and kEnded:
  std::string error;                        // of kFailed
  bool error_of_communication = false;      // that may be the loss of another rank
  std::string error_kind;                   // of kFailed: kind_name of its error
  FaultClass fault = FaultClass::kUnknown;  // of the error
  std::vector<std::string> bad_hosts;       // of FaultClass::kBadNode
  int64_t step = 0;                         // that it was in, as metrics.jsonl counts
  std::string place;                        // in the step, in words
  double still_seconds = 0;                 // since it last moved on
  CollectiveState gradients;                // of its communicators
  CollectiveState sums;
  std::vector<ThreadStack> stacks;
  bool listens = false;               // for heartbeats: rank 0
  std::vector<HeardHeartbeat> heard;  // by it: the newest of each rank that ever sent one
  // Of any rank, as rank 0 heard it when it wrote: share_heartbeats.
  std::optional<HeardHeartbeat> heartbeat;
};

// Gives each rank the heartbeat that the one that listens wrote down of it.
void share_heartbeats(std::vector<RankRecord>& ranks);

nlohmann::json record_json(const RankRecord& record);
// Errors: of ErrorKind::kInternal where it is no record.
RankRecord record_from_json(const nlohmann::json& json, const std::string& where);

// A sentence that names rank, host, process and step, and what to look at. weight: how sure that
// is; a rank that is stopped may run again when the launcher ends it, so a later look must not take
// the place of a surer one.
struct FailureCause {
  static constexpr int kOwnError = 4;

  std::string sentence;  // empty: nothing stands out
  int weight = 0;  // 0 nothing, 1 a guess, 2 what the ranks wrote and rank 0 heard, 3 what the
                   // kernel says, 4 a rank's own error
  FaultClass fault = FaultClass::kUnknown;
  std::vector<std::string> bad_hosts = {};  // for the scheduler's list of nodes to leave out
  bool is_own_error() const { return weight == kOwnError; }
  // Which rank, and what of it; without what others waited for, and what was heard of it.
  std::string finding() const { return sentence.substr(0, sentence.find(';')); }
};
FailureCause cause_of(const std::vector<RankRecord>& ranks);
// Without what each thread was doing: the ranks' own files have that.
nlohmann::json failure_json(const std::vector<RankRecord>& ranks, const FailureCause& cause);
// Of a failure.json. Errors: of ErrorKind::kInternal.
FailureCause cause_from_json(const nlohmann::json& failure, const std::string& where);

}  // namespace catamaran
