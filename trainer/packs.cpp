#include "trainer/packs.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <future>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "comm/agreement.h"
#include "dataio/pack_check.h"
#include "dataio/pack_staging.h"
#include "support/error.h"
#include "support/log.h"
#include "support/normal_path.h"

namespace catamaran {

namespace {

constexpr std::chrono::milliseconds kBetweenQuestions(50);
constexpr std::chrono::seconds kGrace(3);  // of a copy that has been told to stop
constexpr double kOthersSpeakFirst = 30;   // seconds

enum class Stage { kDone, kBusy, kFailed };  // the worst is that of all ranks

// stage_pack() on a thread of its own. It is told to stop and waited for, not for long: where a
// rank is lost meanwhile, or a read stalls, this one must end, too.
class StagingThread {
 public:
  StagingThread(const PackReader& pack, const RunOptions& options, bool progress) {
    const double timeout = options.read_timeout_seconds();
    const StagingOptions staging = {.timeout_seconds = timeout,
                                    .patience_seconds = timeout + kOthersSpeakFirst,
                                    .progress = progress,
                                    .stop = stop_.get_token()};
    std::packaged_task<std::filesystem::path()> task([pack, scratch = options.data.stage, staging] {
      return stage_pack(pack, scratch, staging);
    });
    copy_ = task.get_future().share();
    std::thread(std::move(task)).detach();
  }
  StagingThread(const StagingThread&) = delete;
  StagingThread& operator=(const StagingThread&) = delete;
  ~StagingThread() {
    stop_.request_stop();
    copy_.wait_for(kGrace);
  }

  Stage state() const {
    if (copy_.wait_for(kBetweenQuestions) != std::future_status::ready) return Stage::kBusy;
    return failure().empty() ? Stage::kDone : Stage::kFailed;
  }
  // What went wrong; empty where nothing did.
  std::string failure() const {
    try {
      copy_.get();
      return "";
    } catch (const std::exception& problem) {
      return problem.what();
    }
  }
  const std::filesystem::path& get() const { return copy_.get(); }

 private:
  std::stop_source stop_;
  std::shared_future<std::filesystem::path> copy_;
};

// The same error on every rank; the first rank's, where several have failed.
[[noreturn]] void throw_failure(const StagingThread* mine, ProcessGroup& group) {
  const bool failed = mine != nullptr && mine->state() == Stage::kFailed;
  const std::vector<std::string> all = group.all_gather(failed ? mine->failure() : "");
  const auto first =
      std::ranges::find_if(all, [](const std::string& text) { return !text.empty(); });
  const auto rank = static_cast<int>(first - all.begin());
  if (rank == group.rank()) mine->get();
  throw DataError(*first, "staging on rank " + std::to_string(rank), "");
}

// Returns when every rank's copy is there; of a rank that makes none (mine: nullptr), at once. A
// copy may take longer than a collective may: ranks ask each other whether everybody is ready.
void await(const StagingThread* mine, ProcessGroup& group) {
  Stage worst = Stage::kBusy;
  while (worst == Stage::kBusy) {
    if (mine == nullptr) std::this_thread::sleep_for(kBetweenQuestions);
    auto state = static_cast<double>(mine != nullptr ? mine->state() : Stage::kDone);
    group.host().all_reduce(&state, 1, DataType::kFloat64, ReduceOp::kMax);
    worst = static_cast<Stage>(state);
  }
  if (worst == Stage::kFailed) throw_failure(mine, group);
}

// One of all ranks that name the same folder of the same host.
bool is_first_of_scratch(const std::string& scratch, ProcessGroup& group) {
  const std::string mine = group.host_name() + ":" + normal_path(scratch).string();
  const std::vector<std::string> all = group.all_gather(mine);
  return std::ranges::find(all, mine) - all.begin() == group.rank();
}

// The copy on this node's disk. The first rank of each makes it; the others take it then, or make
// one where they do not see it (containers with disks of their own).
std::shared_ptr<const PackReader> staged(const PackReader& pack, const RunOptions& options,
                                         ProcessGroup& group) {
  const bool first = is_first_of_scratch(options.data.stage, group);
  std::filesystem::path copy;
  for (const bool turn_of_first : {true, false}) {
    std::optional<StagingThread> mine;
    if (first == turn_of_first) mine.emplace(pack, options, group.is_root());
    await(mine ? &*mine : nullptr, group);
    if (mine) copy = mine->get();
  }
  return std::make_shared<const PackReader>(copy);
}

void stage(RunPacks& packs, const RunOptions& options, ProcessGroup& group) {
  packs.train_source = packs.train->folder().string();
  packs.train = staged(*packs.train, options, group);
  if (!packs.eval) return;
  packs.eval_source = packs.eval->folder().string();
  packs.eval = staged(*packs.eval, options, group);
}

// What speaks against training on the one and evaluating on the other.
void audit(const RunPacks& packs, const DataOptions& options, ProcessGroup& group) {
  require_same_everywhere(group, "the evaluation pack", packs.eval->fingerprint());
  require_same_classes(*packs.train, *packs.eval);
  const std::vector<PackOverlap> shared = overlap(*packs.train, *packs.eval);
  if (shared.empty()) return;
  const std::string what = std::to_string(shared.size()) + " images are in both packs (first: '" +
                           shared.front().first_id + "' is '" + shared.front().second_id + "')";
  if (!options.allow_overlap) {
    throw DataError(what, options.train + " and " + options.eval,
                    "evaluate on images that were not trained on, or set data.allow_overlap = "
                    "true, which the manifest records");
  }
  if (group.is_root()) log::warn(what + "; data.allow_overlap lets it pass");
}

}  // namespace

RunPacks open_packs(const RunOptions& options, ProcessGroup& group) {
  RunPacks packs;
  packs.train = std::make_shared<const PackReader>(options.data.train);
  if (!options.data.eval.empty())
    packs.eval = std::make_shared<const PackReader>(options.data.eval);
  require_same_everywhere(group, "the training pack", packs.train->fingerprint());
  if (packs.eval) audit(packs, options.data, group);
  if (!options.data.stage.empty()) stage(packs, options, group);  // what is wrong is known before
  return packs;
}

}  // namespace catamaran
