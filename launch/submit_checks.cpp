#include "launch/submit_checks.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "dataio/pack.h"
#include "dataio/sample_order.h"
#include "model/cost.h"
#include "support/normal_path.h"
#include "support/text.h"
#include "trainer/plan.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMore = 2;  // checkpoints, beside those that are kept
constexpr double kGibibyte = 1024.0 * 1024 * 1024;
constexpr const char* kPlan = "`catamaran plan` tells what checkpoints take";

PackManifest whole_pack(const fs::path& folder) {
  PackManifest manifest = read_pack_manifest(folder);
  std::vector<std::string> wrong;
  for (const ShardInfo& shard : manifest.shards) {
    std::error_code code;
    const auto bytes = fs::file_size(folder / shard.file, code);
    if (code) {
      wrong.push_back(shard.file + ": " + code.message());
    } else if (static_cast<int64_t>(bytes) != shard.bytes) {
      wrong.push_back(text("%s: %ld bytes, and pack.json says %ld", shard.file.c_str(),
                           static_cast<int64_t>(bytes), shard.bytes));
    }
  }
  if (wrong.empty()) return manifest;
  const auto count = std::ssize(wrong);
  wrong.resize(std::min<size_t>(wrong.size(), 10));
  throw DataError(text("%ld of %zu shards are not whole:", count, manifest.shards.size()) +
                      first_of(wrong, count),
                  folder.string(), "copy the pack again, then `catamaran check` it");
}

int64_t bytes_in(const fs::path& folder) {
  int64_t bytes = 0;
  std::error_code code;
  for (fs::recursive_directory_iterator at(folder, code), end; !code && at != end;
       at.increment(code)) {
    std::error_code of_file;
    if (at->is_regular_file(of_file)) bytes += static_cast<int64_t>(at->file_size(of_file));
  }
  return bytes;
}

// Of a checkpoint of one of the runs, the highest step's; 0 where there is none.
int64_t written_bytes(const std::vector<fs::path>& runs) {
  for (const fs::path& run : runs) {
    fs::path newest;
    std::error_code code;
    for (fs::directory_iterator at(run / "checkpoints", code), end; !code && at != end;
         at.increment(code)) {
      const std::string name = at->path().filename().string();
      if (is_numbered_name(name, "step-", 8) && name > newest.filename().string())
        newest = at->path();
    }
    if (const int64_t bytes = newest.empty() ? 0 : bytes_in(newest); bytes > 0) return bytes;
  }
  return 0;
}

std::optional<int64_t> free_bytes(const fs::path& folder) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (code || space.capacity == 0) return std::nullopt;
  constexpr std::uintmax_t kMost = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::min(space.available, kMost));
}

// The folder, or what of the path above it is there.
fs::path existing(fs::path folder) {
  std::error_code code;
  folder = normal_path(folder);
  while (!fs::exists(folder, code) && folder.has_relative_path()) folder = folder.parent_path();
  return folder;
}

std::string gibibytes(double bytes) { return text("%.1f GiB", bytes / kGibibyte); }

}  // namespace

void SubmitChecks::look(const std::function<void()>& at) {
  try {
    at();
  } catch (const Error& problem) {
    found_.push_back(problem);
  }
}

void SubmitChecks::pack(const fs::path& folder) {
  look([&] { whole_pack(folder); });
}

void SubmitChecks::packs(const RunOptions& options) {
  std::optional<PackManifest> train;
  look([&] { train = whole_pack(options.data.train); });
  if (train) images_ = train->images;
  if (train) labels_ = std::ssize(train->classes);
  if (options.data.eval.empty()) return;
  look([&] {
    const PackManifest eval = whole_pack(options.data.eval);
    if (!train || train->classes == eval.classes) return;
    throw DataError(
        "the packs have other classes: " + first_difference(train->classes, eval.classes),
        options.data.train + " and " + options.data.eval,
        "pack one of them again with the classes of the other (--classes)");
  });
}

void SubmitChecks::weights(const RunOptions& options) {
  const std::vector<std::pair<std::string, std::string>> files = {
      {"weights.backbone", options.weights.backbone}, {"weights.init", options.weights.init}};
  for (const auto& [key, given] : files) {
    std::error_code code;
    if (given.empty() || fs::exists(given, code)) continue;
    found_.push_back(WeightsError("there is no such file or folder", given,
                                  "check " + key + "; it is relative to this folder"));
  }
}

void SubmitChecks::batch(const RunOptions& options, int64_t ranks) {
  look([&] {
    split_batch(options.batch.global, options.batch.per_device, static_cast<int>(ranks));
    if (images_) SampleOrder(options.seed, *images_, options.batch.global);
  });
}

void SubmitChecks::room(const RunOptions& options, const std::vector<fs::path>& runs) {
  if (runs.empty()) return;
  CheckpointPlan plan = plan_checkpoints(options, ModelCost());
  plan.bytes = written_bytes(runs);
  if (plan.bytes == 0) {
    try {
      const int64_t labels =
          labels_ ? *labels_ : std::ssize(read_pack_manifest(options.data.train).classes);
      plan.bytes =
          plan_checkpoints(options, measure_cost(options.model, labels, AttentionKernel::kFused))
              .bytes;
    } catch (const std::exception& problem) {  // LibTorch's, too: too little memory here
      const std::string why = problem.what();
      note("room for checkpoints was not looked at, since their size could not be found out: " +
           printable(why.substr(0, why.find('\n'))));
      return;
    }
  }
  int64_t there = 0;
  for (const fs::path& run : runs) there += bytes_in(run / "checkpoints");
  const int64_t each = plan.most - 1 + kMore;  // one of those that are being written is in `most`
  const auto size = static_cast<double>(plan.bytes);
  const double wanted = static_cast<double>(each) * size * static_cast<double>(runs.size()) -
                        static_cast<double>(there);
  const std::optional<int64_t> free = free_bytes(existing(runs.front()));
  if (!free || static_cast<double>(*free) >= wanted) return;
  const std::string of = runs.size() == 1 ? "" : text(" for each of %zu runs", runs.size());
  found_.push_back(UsageError(
      text("%ld checkpoints of %s%s take %s, and %s are free", each, gibibytes(size).c_str(),
           of.c_str(), gibibytes(wanted).c_str(), gibibytes(static_cast<double>(*free)).c_str()),
      runs.front().string(),
      std::string("make room, choose another folder, or keep fewer (checkpoint.keep, "
                  "checkpoint.keep_every_epochs); ") +
          kPlan));
}

void SubmitChecks::time(const RunStatus& run, int64_t ranks, int64_t seconds) {
  if (run.phase == RunPhase::kDone) {
    note("all steps of this run are done: the job will only find that out");
    return;
  }
  if (run.images_per_second <= 0 || run.global_batch <= 0 || run.total_steps <= run.step) return;
  const double left = static_cast<double>(run.total_steps - run.step) *
                      static_cast<double>(run.global_batch) / run.images_per_second;
  std::string sentence =
      text("%ld of %ld steps are left, about ", run.total_steps - run.step, run.total_steps) +
      time_text(left) + " as fast as before";
  if (run.world > 0 && run.world != ranks) sentence += text(", which was on %ld ranks", run.world);
  if (seconds > 0 && left > static_cast<double>(seconds)) {
    sentence += text("; that takes %.0f lives of the job, which requeues itself",
                     std::ceil(left / static_cast<double>(seconds)));
  }
  note(sentence);
}

void SubmitChecks::require() const {
  if (found_.empty()) return;
  if (found_.size() == 1) throw Error(found_.front());
  std::string all = text("%zu mistakes:", found_.size());
  for (const Error& one : found_) all += std::string("\n  ") + one.what();
  throw Error(found_.front().kind(), all, "submit", "");
}

std::string time_text(double seconds) {
  if (seconds < 90) return text("%.0f s", seconds);
  if (seconds < 90 * 60) return text("%.0f min", seconds / 60);
  if (seconds < 72 * 3600) return text("%.1f h", seconds / 3600);
  return text("%.1f days", seconds / 86400);
}

}  // namespace catamaran
