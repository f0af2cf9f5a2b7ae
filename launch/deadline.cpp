#include "launch/deadline.h"

#include <charconv>
#include <string>
#include <string_view>

#include "support/log.h"

namespace catamaran {
namespace {

// 0 where it is none.
int64_t whole_seconds(std::string_view text) {
  int64_t seconds = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return code == std::errc() && end == text.data() + text.size() && seconds > 0 ? seconds : 0;
}

}  // namespace

std::optional<Deadline> find_deadline(const std::optional<int64_t>& max_seconds,
                                      const char* job_end, const ProgramStart& start) {
  if (max_seconds) {
    return Deadline{.steady_seconds = start.on_steady_clock + static_cast<double>(*max_seconds),
                    .set_by = "--max-time"};
  }
  if (job_end == nullptr || *job_end == '\0') return std::nullopt;
  const int64_t end = whole_seconds(job_end);
  const double left = static_cast<double>(end) - start.on_wall_clock;
  if (end == 0 || left <= 0) {
    log::warn(std::string(kJobEndVariable) + "='" + printable(job_end) + "' is " +
              (end == 0 ? "no time in Unix seconds" : "in the past") +
              ": no time limit is kept; give --max-time if there is one");
    return std::nullopt;
  }
  return Deadline{.steady_seconds = start.on_steady_clock + left,
                  .set_by = "Slurm's end of the job"};
}

}  // namespace catamaran
