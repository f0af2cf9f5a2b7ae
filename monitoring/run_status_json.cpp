#include "monitoring/run_status_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace catamaran {
namespace {

using nlohmann::ordered_json;

template <typename Value>
ordered_json or_null(bool is_known, const Value& value) {
  return is_known ? ordered_json(value) : ordered_json();
}

template <typename Value>
ordered_json or_null(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json text_or_null(const std::string& text) { return or_null(!text.empty(), text); }

}  // namespace

ordered_json run_status_json(const RunStatus& s) {
  const bool has_step = s.images_per_second > 0 || s.loss != 0;
  return {{"name", s.name},
          {"folder", s.folder.string()},
          {"state", phase_name(s.phase)},
          {"reason", text_or_null(s.reason)},
          {"exit_code", or_null(s.exit_code)},
          {"step", s.step},
          {"total_steps", or_null(s.total_steps > 0, s.total_steps)},
          {"progress", or_null(s.total_steps > 0,
                               static_cast<double>(s.step) /
                                   static_cast<double>(std::max<int64_t>(1, s.total_steps)))},
          {"epoch", or_null(has_step, s.epoch)},
          {"eta_seconds", or_null(s.eta_seconds)},
          {"loss", or_null(has_step && std::isfinite(s.loss), s.loss)},
          {"learning_rate", or_null(has_step, s.learning_rate)},
          {"images_per_second", or_null(has_step, s.images_per_second)},
          {"data_wait_ratio", or_null(has_step, s.data_wait_ratio)},
          {"map", or_null(s.map)},
          {"best_map", or_null(s.best_map)},
          {"checkpoint_step", or_null(s.checkpoint_step >= 0, s.checkpoint_step)},
          {"checkpoint_unix_seconds", or_null(s.checkpoint_step >= 0, s.checkpoint_unix_seconds)},
          {"updated_unix_seconds", or_null(s.updated_unix_seconds > 0, s.updated_unix_seconds)},
          {"started_unix_seconds", or_null(s.started_unix_seconds > 0, s.started_unix_seconds)},
          {"busy_seconds", s.busy_seconds},
          {"restarts", s.restarts},
          {"starts_without_progress", s.starts_without_progress},
          {"world", or_null(s.world > 0, s.world)},
          {"global_batch", or_null(s.global_batch > 0, s.global_batch)},
          {"host", text_or_null(s.host)},
          {"user", text_or_null(s.user)},
          {"job_id", text_or_null(s.job_id)},
          {"exclude_hosts", s.exclude_hosts},
          {"problems", s.problems}};
}

}  // namespace catamaran
