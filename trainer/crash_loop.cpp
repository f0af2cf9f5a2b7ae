#include "trainer/crash_loop.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr int64_t kTimesAsManyWithoutAWord = 3;

// Whether this start wrote it.
bool is_of(const json& failure, const json& life) {
  return life.is_object() && json_value_or<std::string>(failure, "start", "") ==
                                 json_value_or<std::string>(life, "id", "");
}

bool is_without_progress(const json& life, const StartOfRun& start) {
  return life.is_object() && !life.contains("ended") &&
         json_value_or<int64_t>(life, "first_step", -1) == start.first_step &&
         json_value_or<std::string>(life, "config_sha256", "") == start.config_sha256;
}

// The newest first.
std::vector<json> starts_without_progress(const json& lives, const StartOfRun& start) {
  std::vector<json> found;
  if (!lives.is_array()) return found;
  for (auto life = lives.rbegin(); life != lives.rend(); ++life) {
    if (!is_without_progress(*life, start)) break;
    found.push_back(*life);
  }
  return found;
}

json failure_of(const json& life) { return json_value_or<json>(life, "failure", json()); }

// Not so of one whose node was lost, that was preempted, or whose mpirun was killed.
bool has_said_why(const json& life) {
  return !json_value_or<std::string>(failure_of(life), "cause", "").empty();
}

std::string cause_of_life(const json& life) {
  const json failure = failure_of(life);
  const auto cause = json_value_or<std::string>(failure, "cause", "");
  if (cause.empty()) return "killed, or lost without a word";
  return text("in step %ld: ", json_value_or<int64_t>(failure, "step", 0)) + printable(cause);
}

ErrorKind kind_of_newest_failure(const std::vector<json>& starts) {
  const auto newest = std::ranges::find_if(starts, has_said_why);
  const json failure = newest == starts.end() ? json() : failure_of(*newest);
  return kind_named(json_value_or<std::string>(failure, "kind", ""))
      .value_or(ErrorKind::kCommunication);
}

// The causes, the newest first, each said once.
std::string causes_text(const std::vector<json>& starts) {
  std::vector<std::string> causes;
  for (const json& life : starts) {
    const std::string cause = cause_of_life(life);
    if (std::ranges::find(causes, cause) == causes.end()) causes.push_back(cause);
  }
  std::string all;
  for (const std::string& cause : causes) all += (all.empty() ? "" : "; before that ") + cause;
  return all;
}

}  // namespace

void note_failure(json& lives, const json& failure) {
  if (!lives.is_array()) return;
  const auto found = std::find_if(lives.rbegin(), lives.rend(),
                                  [&](const json& life) { return is_of(failure, life); });
  const auto cause = json_value_or<std::string>(failure, "cause", "");
  if (found == lives.rend() || cause.empty()) return;
  json& life = *found;
  if (life.contains("ended") || life.contains("failure")) return;
  int64_t step = 0;
  std::string kind = kind_name(ErrorKind::kCommunication);
  const json ranks = json_value_or<json>(failure, "ranks", json::array());
  for (const json& rank : ranks) {
    step = std::max(step, json_value_or<int64_t>(rank, "step", 0));
    const bool is_own_error = json_value_or<std::string>(rank, "state", "") == "failed" &&
                              !json_value_or<bool>(rank, "error_of_communication", true);
    if (is_own_error) kind = json_value_or<std::string>(rank, "error_kind", kind);
  }
  life["failure"] = {{"cause", cause}, {"kind", kind}, {"step", step}};
}

std::string failure_before(const json& lives, const json& failure) {
  const auto cause = printable(json_value_or<std::string>(failure, "cause", ""));
  if (cause.empty()) return "";
  if (lives.is_array() && !lives.empty() && is_of(failure, lives.back()))
    return "the start before this one failed: " + cause;
  const auto time = printable(json_value_or<std::string>(failure, "time", ""));
  return "an earlier start failed" + (time.empty() ? "" : " (" + time + ")") + ": " + cause;
}

std::optional<Error> refusal_of_start(const json& lives, const StartOfRun& start) {
  if (start.most_without_progress <= 0) return std::nullopt;
  const std::vector<json> starts = starts_without_progress(lives, start);
  const auto count = static_cast<int64_t>(starts.size());
  const int64_t failed = std::ranges::count_if(starts, has_said_why);
  if (failed < start.most_without_progress &&
      count / kTimesAsManyWithoutAWord < start.most_without_progress)
    return std::nullopt;
  const bool is_mixed = failed != 0 && failed != count;
  return Error(kind_of_newest_failure(starts),
               text("%ld starts in a row ended without a new checkpoint after step %ld, ", count,
                    start.first_step) +
                   (is_mixed ? text("%ld of them with an error, ", failed) : "") + "the last " +
                   causes_text(starts),
               "checkpoint.most_starts_without_progress",
               "mend the cause; to start again all the same, set this key to 0 or to a higher "
               "number (after another change of the configuration counting begins anew)");
}

}  // namespace catamaran
