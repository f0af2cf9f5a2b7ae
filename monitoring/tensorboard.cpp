#include "monitoring/tensorboard.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "support/clock.h"
#include "support/error.h"
#include "support/host_name.h"
#include "support/log.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "events.out.tfevents.";

// The seconds in the highest of the names; 0: there is no such file.
int64_t newest_in(const fs::path& folder) {
  const std::string prefix = kPrefix;
  int64_t newest = 0;
  std::error_code code;
  for (fs::directory_iterator at(folder, code), end; !code && at != end; at.increment(code)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    int64_t seconds = 0;
    std::from_chars(name.data() + prefix.size(), name.data() + name.size(), seconds);
    newest = std::max(newest, seconds);
  }
  return newest;
}

fs::path new_file_in(const fs::path& folder) {
  const int64_t now = std::max(static_cast<int64_t>(unix_seconds()), newest_in(folder) + 1);
  return folder / (kPrefix + text("%010ld.", now) + host_name() + "." + std::to_string(::getpid()));
}

}  // namespace

TensorBoardLog::TensorBoardLog(fs::path folder, int64_t first_step)
    : folder_(std::move(folder)), first_step_(first_step) {}

void TensorBoardLog::record(const StepReport& report) {
  write(report.step, {{.tag = "train/loss", .value = report.loss},
                      {.tag = "train/learning_rate", .value = report.learning_rate},
                      {.tag = "train/gradient_norm", .value = report.gradient_norm},
                      {.tag = "speed/images_per_second", .value = report.images_per_second()},
                      {.tag = "speed/data_wait_ratio", .value = report.data_wait_ratio()}});
}

void TensorBoardLog::record(const Evaluation& evaluation, const std::string& weights,
                            int64_t step) {
  const std::string group = "eval_" + weights + "/";
  write(step, {{.tag = group + "map", .value = evaluation.map},
               {.tag = group + "of1", .value = evaluation.all.of1},
               {.tag = group + "cf1", .value = evaluation.all.cf1},
               {.tag = group + "op", .value = evaluation.all.op},
               {.tag = group + "or", .value = evaluation.all.orr},
               {.tag = group + "cp", .value = evaluation.all.cp},
               {.tag = group + "cr", .value = evaluation.all.cr},
               {.tag = group + "top3_of1", .value = evaluation.top3.of1},
               {.tag = group + "top3_cf1", .value = evaluation.top3.cf1}});
}

void TensorBoardLog::write(int64_t step, std::vector<EventScalar> scalars) {
  if (!is_open()) return;
  for (EventScalar& scalar : scalars) scalar.is_first = known_tags_.insert(scalar.tag).second;
  append(scalars_event(unix_seconds(), step, scalars));
}

// A file that a part of a record ends is of no use to readers from there on: another takes over.
bool TensorBoardLog::is_open() {
  if (file_ && !file_->is_torn()) return true;
  std::error_code code;
  fs::create_directory(folder_, code);  // it alone: the run may have been moved away
  try {
    file_.emplace(new_file_in(folder_), "events");
  } catch (const Error& problem) {
    file_.reset();
    if (!std::exchange(was_refused_, true))
      log::warn(std::string("no events for TensorBoard: ") + problem.what());
    return false;
  }
  known_tags_.clear();
  const double now = unix_seconds();
  append(file_version_event(now));
  if (!std::exchange(has_started_, true)) append(session_start_event(now, first_step_ + 1));
  return true;
}

void TensorBoardLog::append(const std::string& event) {
  const std::optional<AppendNews> news = file_->append(event_record(event));
  if (!news) return;
  if (news->works) {
    log::info(news->text);
  } else {
    log::warn(news->text);
  }
}

}  // namespace catamaran
