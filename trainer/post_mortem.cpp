#include "trainer/post_mortem.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/file_descriptor.h"
#include "support/file_lock.h"
#include "support/json.h"
#include "support/log.h"
#include "support/memory_state.h"
#include "support/process_state.h"
#include "support/text.h"
#include "trainer/failure_report.h"
#include "trainer/own_heartbeat.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr ErrorKind kKind = ErrorKind::kInternal;
constexpr std::chrono::milliseconds kLook{50};
constexpr std::chrono::seconds kLongestWriting{3};
constexpr double kStandsStill =
    0.5;  // seconds after TERM: it does not stop as one that was asked to
constexpr double kLockPatience = 0.3;  // seconds

std::vector<RankRecord> roster_of(ProcessGroup& group) {
  std::vector<RankRecord> roster;
  const std::string mine = std::to_string(::getpid()) + " " + std::to_string(process_namespace()) +
                           " " + group.host_name();
  for (const std::string& line : group.all_gather(mine)) {
    std::istringstream in(line);
    RankRecord record;
    record.rank = static_cast<int>(roster.size());
    in >> record.process >> record.process_namespace >> record.host;
    roster.push_back(std::move(record));
  }
  return roster;
}

RankEnd end_of(ProcessState state) {
  switch (state) {
    case ProcessState::kAlive:
      return RankEnd::kAlive;
    case ProcessState::kStopped:
      return RankEnd::kStopped;
    case ProcessState::kStorage:
      return RankEnd::kStorage;
    case ProcessState::kGone:
      return RankEnd::kGone;
  }
  return RankEnd::kSilent;
}

// Held while all ranks' files are read and one is written, so that the last writer has seen all.
// Empty where it is not to be had in time.
FileDescriptor lock_within(const fs::path& path, double seconds) {
  FileDescriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
  const Stopwatch waiting;
  while (lock) {
    const LockState state = try_lock(lock, path, kKind);
    if (state == LockState::kTaken) break;
    if (state == LockState::kNoLocks || waiting.seconds() > seconds) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return lock;
}

// nullopt: the launcher alone knows how the job will end.
std::optional<ErrorKind> kind_of_own_error(const std::vector<RankRecord>& ranks,
                                           const FailureCause& cause) {
  if (!cause.is_own_error()) return std::nullopt;
  const auto failed = std::ranges::find_if(ranks, [](const RankRecord& rank) {
    return rank.end == RankEnd::kFailed && !rank.error_of_communication;
  });
  return failed == ranks.end() ? std::nullopt : kind_named(failed->error_kind);
}

// The same on all ranks: rank 0's.
std::string agreed_start(const PostMortemPlace& place, ProcessGroup& group) {
  return group.broadcast_text(place.directory ? place.directory->start() : "");
}

}  // namespace

// Where one start writes down its failure.
class PostMortem::Files {
 public:
  Files(const PostMortemPlace& place, std::string start)
      : run_dir_(place.path), directory_(place.directory), start_(std::move(start)) {}

  fs::path summary() const { return run_dir_ / "failure.json"; }
  fs::path lock() const { return folder() / "lock"; }
  fs::path of_rank(int rank) const { return folder() / text("rank-%05d.json", rank); }

  // Rank 0's work: what an earlier start left makes room.
  void begin() const {
    if (!is_own_directory()) return;
    std::error_code code;
    fs::rename(summary(), run_dir_ / "failure-before.json", code);
    fs::remove_all(run_dir_ / "failure", code);
    fs::create_directory(run_dir_ / "failure", code);
    fs::create_directory(folder(), code);
  }
  // Rank 0's work: nothing of this start stays.
  void remove() const {
    if (!is_own_directory()) return;
    std::error_code code;
    fs::remove_all(folder(), code);
    fs::remove(run_dir_ / "failure", code);  // unless another start's words are there
    if (is_own_summary()) fs::remove(summary(), code);
  }

  bool may_write() const {
    std::error_code code;
    return is_own_directory() && fs::is_directory(folder(), code);
  }
  void write(const fs::path& file, const nlohmann::json& content) const {
    write_file_atomically(file, json_text(content) + "\n", kKind, Parents::kMustBeThere);
  }
  // What this start has found out so far; none: another start's word is there. Errors: Error.
  std::optional<FailureCause> cause_so_far() const {
    std::error_code code;
    if (!fs::exists(summary(), code)) return FailureCause{};
    const nlohmann::json written = read_json_file(summary(), kKind);
    if (!is_own(written)) return std::nullopt;
    return cause_from_json(written, summary().string());
  }
  void write_summary(nlohmann::json failure) const {
    failure["start"] = start_;
    write(summary(), failure);
  }

 private:
  fs::path folder() const { return run_dir_ / "failure" / start_; }
  // As far as this rank knows.
  bool is_own_directory() const {
    return directory_ == nullptr || directory_->hold() == RunHold::kHeld;
  }
  bool is_own(const nlohmann::json& failure) const {
    return failure.is_object() && failure.value("start", nlohmann::json()) == start_;
  }
  bool is_own_summary() const {
    try {
      return is_own(read_json_file(summary(), kKind));
    } catch (const Error&) {  // there is none
      return false;
    }
  }

  fs::path run_dir_;
  std::shared_ptr<const RunDirectory> directory_;
  std::string start_;
};

class PostMortem::Writer {
 public:
  Writer(const PostMortemPlace& place, ProcessGroup& group,
         std::shared_ptr<const TraceRecorder> trace, int64_t first_step,
         const std::atomic<bool>* terminated, std::shared_ptr<const HeartbeatListener> listener)
      : files_(place, agreed_start(place, group)),
        roster_(roster_of(group)),
        mine_(roster_[static_cast<size_t>(group.rank())]),
        gradients_(group.gradients()),
        sums_(group.host()),
        trace_(std::move(trace)),
        first_step_(first_step),
        terminated_(terminated),
        on_cause_(place.on_cause),
        listener_(std::move(listener)),
        moved_at_(steady_seconds()) {}

  const Files& files() const { return files_; }

  // The thread's work.
  void watch() noexcept {
    ::pthread_setname_np(::pthread_self(), "post-mortem");
    double terminated_at = 0;
    bool told = false;  // of TERM
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait_for(lock, kLook, [this] { return stop_ || error_.has_value(); });
      if (stop_) return;
      look_at_step_loop();
      const double now = steady_seconds();
      if (terminated_at == 0 && terminated_ != nullptr && terminated_->load()) terminated_at = now;
      const bool stands_still =
          terminated_at > 0 && !told && now - std::max(terminated_at, moved_at_) > kStandsStill;
      if (!error_ && !stands_still) continue;
      told = true;
      const std::optional<Error> error = error_;
      lock.unlock();
      write_down(error);
      lock.lock();
      if (!error) continue;
      written_ = true;
      changed_.notify_all();
      return;
    }
  }

  void stop() {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  // False where it took too long.
  bool failed(const Error& error) {
    std::unique_lock lock(mutex_);
    error_ = error;
    changed_.notify_all();
    return changed_.wait_for(lock, kLongestWriting, [this] { return written_; });
  }

 private:
  void look_at_step_loop() {
    const int64_t moves = trace_->place().moves;
    if (moves == moves_) return;
    moves_ = moves;
    moved_at_ = steady_seconds();
  }

  void write_down(const std::optional<Error>& error) noexcept {
    if (!files_.may_write()) return;
    try {
      files_.write(files_.of_rank(mine_.rank), record_json(own_record(error)));
      put_together();
    } catch (const std::exception&) {  // the job's own error is what counts
    }
  }

  RankRecord own_record(const std::optional<Error>& error) const {
    RankRecord record = mine_;
    record.end = error ? RankEnd::kFailed : RankEnd::kEnded;
    if (error) {
      record.error = error->what();
      record.fault = error->fault();
      record.bad_hosts = error->bad_hosts();
      // A broken GPU or program is this rank's own, whatever call met it.
      const bool own = record.fault == FaultClass::kBadNode || record.fault == FaultClass::kBug;
      record.error_of_communication = error->kind() == ErrorKind::kCommunication && !own;
      record.error_kind = kind_name(error->kind());
    }
    const TracePlace place = trace_->place();
    record.step = first_step_ + place.step;
    record.place = place_text(place);
    record.still_seconds = steady_seconds() - moved_at_;
    record.gradients = gradients_.collectives();
    record.sums = sums_.collectives();
    hear(record);
    record.stacks = thread_stacks();
    return record;
  }

  // Rank 0: the newest heartbeat of every rank, and as its own what the record says.
  void hear(RankRecord& record) const {
    if (!listener_) return;
    record.listens = true;
    for (const std::optional<HeardHeartbeat>& heard : listener_->heard()) {
      if (heard) record.heard.push_back(*heard);
    }
    const ResidentMemory memory = resident_memory();
    record.heard.push_back(
        {.newest = {.rank = record.rank,
                    .step = record.step,
                    .place = record.place,
                    .still_seconds = record.still_seconds,
                    .collectives = record.gradients.started + record.sums.started,
                    .resident_bytes = memory.bytes,
                    .shared_bytes = memory.shared_bytes,
                    .limit_bytes = memory_limit_bytes()},
         .seconds_ago = 0});
  }

  // What that rank wrote, else what this host knows of it, if the number means the same here.
  RankRecord record_of(const RankRecord& rank) const {
    const fs::path file = files_.of_rank(rank.rank);
    std::error_code code;
    try {
      if (fs::exists(file, code))
        return record_from_json(read_json_file(file, kKind), file.string());
    } catch (const Error&) {  // cut short by its end
    }
    RankRecord record = rank;
    if (rank.host == mine_.host && rank.process_namespace == mine_.process_namespace)
      record.end = end_of(process_state(rank.process));
    return record;
  }

  // What rank 0 heard goes on behind a finding that another rank was the first to write.
  bool adds_to(const FailureCause& before, const FailureCause& cause) const {
    return listener_ && cause.weight == before.weight && cause.finding() == before.finding();
  }

  void put_together() const {
    const FileDescriptor lock = lock_within(files_.lock(), kLockPatience);
    std::vector<RankRecord> ranks;
    for (const RankRecord& rank : roster_) ranks.push_back(record_of(rank));
    share_heartbeats(ranks);
    const std::optional<FailureCause> so_far = files_.cause_so_far();
    if (!so_far) return;
    const FailureCause& before = *so_far;
    FailureCause cause = cause_of(ranks);
    if (cause.weight <= before.weight) {
      if (!lock) return;  // whoever has it may have seen more
      if (!adds_to(before, cause)) cause = before;
    }
    if (cause.sentence.empty() || !files_.may_write()) return;
    files_.write_summary(failure_json(ranks, cause));
    if (on_cause_) on_cause_(cause.sentence, kind_of_own_error(ranks, cause));
    // An error of its own is what its rank ends with.
    if (cause.sentence != before.sentence && ranks.size() > 1 && !cause.is_own_error())
      log::warn("why the job ends: " + cause.sentence + "; all of it in " +
                files_.summary().string() +
                "; the same command goes on from the newest checkpoint");
  }

  Files files_;
  std::vector<RankRecord> roster_;  // who the ranks are
  RankRecord mine_;
  const Communicator& gradients_;
  const Communicator& sums_;
  std::shared_ptr<const TraceRecorder> trace_;
  int64_t first_step_;
  const std::atomic<bool>* terminated_;
  PostMortemPlace::OnCause on_cause_;                  // or none
  std::shared_ptr<const HeartbeatListener> listener_;  // rank 0, or none
  int64_t moves_ = 0;  // of the step loop, and when it was last seen to move on
  double moved_at_;
  std::mutex mutex_;  // guards the three below
  std::condition_variable changed_;
  std::optional<Error> error_;
  bool stop_ = false;
  bool written_ = false;
};

PostMortem::PostMortem(const PostMortemPlace& place, ProcessGroup& group,
                       const std::shared_ptr<const TraceRecorder>& trace, int64_t first_step,
                       const std::atomic<bool>* terminated)
    : group_(group),
      heartbeats_(group, OwnHeartbeat(group, trace, first_step)),
      writer_(std::make_shared<Writer>(place, group, trace, first_step, terminated,
                                       heartbeats_.listener())) {
  if (group_.is_root()) writer_->files().begin();
  group_.barrier();
  prepare_thread_stacks();
  thread_ = std::thread([writer = writer_] { writer->watch(); });
}

PostMortem::~PostMortem() {
  if (!thread_.joinable()) return;
  writer_->stop();
  thread_.join();
}

std::function<std::vector<double>()> PostMortem::silences() const {
  return [listener = heartbeats_.listener()] {
    return listener ? listener->silences() : std::vector<double>();
  };
}

void PostMortem::failed(const Error& error) noexcept {
  if (!thread_.joinable()) return;  // all ranks had arrived at the end
  if (writer_->failed(error)) return;
  thread_.detach();  // it waits for storage that does not answer; the process ends without it
}

// A rank that is lost before all are here is written down; none still writes what rank 0 deletes.
void PostMortem::ended_well() {
  group_.barrier();
  writer_->stop();
  thread_.join();
  group_.barrier();
  if (group_.is_root()) writer_->files().remove();
}

}  // namespace catamaran
