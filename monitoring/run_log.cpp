#include "monitoring/run_log.h"

#include <cerrno>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

using nlohmann::json;

json finite_or_null(double value) { return std::isfinite(value) ? json(value) : json(); }

std::string line_of(const StepReport& r) {
  const json line = {{"step", r.step},
                     {"epoch", r.epoch},
                     {"loss", finite_or_null(r.loss)},
                     {"learning_rate", r.learning_rate},
                     {"gradient_norm", finite_or_null(r.gradient_norm)},
                     {"images_per_second", r.images_per_second()},
                     {"data_wait_ratio", r.data_wait_ratio()},
                     {"step_seconds", r.step_seconds},
                     {"applied", r.applied},
                     {"images", r.images},
                     {"data_wait_seconds", r.data_wait_seconds},
                     {"forward_seconds", r.forward_seconds},
                     {"backward_seconds", r.backward_seconds},
                     {"exchange_exposed_seconds", r.exchange_exposed_seconds},
                     {"optimizer_seconds", r.optimizer_seconds},
                     {"alpha", r.alpha},
                     {"beta", r.beta},
                     {"gamma", r.gamma}};
  return line.dump() + "\n";
}

double number(const json& line, const char* key) {
  const json value = line.value(key, json());
  return value.is_number() ? value.get<double>() : std::nan("");
}

StepReport report_of(const json& line) {
  StepReport r;
  r.step = line.value("step", int64_t{0});
  r.epoch = line.value("epoch", int64_t{0});
  r.loss = number(line, "loss");
  r.learning_rate = number(line, "learning_rate");
  r.gradient_norm = number(line, "gradient_norm");
  r.applied = line.value("applied", true);
  r.images = line.value("images", int64_t{0});
  r.step_seconds = number(line, "step_seconds");
  r.data_wait_seconds = number(line, "data_wait_seconds");
  r.forward_seconds = number(line, "forward_seconds");
  r.backward_seconds = number(line, "backward_seconds");
  r.exchange_exposed_seconds = number(line, "exchange_exposed_seconds");
  r.optimizer_seconds = number(line, "optimizer_seconds");
  r.alpha = number(line, "alpha");
  r.beta = number(line, "beta");
  r.gamma = number(line, "gamma");
  return r;
}

// Lines of an earlier life that this one repeats, and a torn last line, are left out.
void keep_lines_before(const std::filesystem::path& path, int64_t first_step) {
  std::string kept;
  for (const StepReport& report : read_run_log(path)) {
    if (report.step < first_step) kept += line_of(report);
  }
  write_file_atomically(path, kept, ErrorKind::kUsage);
}

}  // namespace

RunLog::RunLog(std::filesystem::path path, int64_t first_step) : path_(std::move(path)) {
  std::error_code code;
  if (std::filesystem::exists(path_, code)) keep_lines_before(path_, first_step);
  file_ = StdioFile(std::fopen(path_.c_str(), "ae"));
  if (!file_)
    throw UsageError(with_errno("cannot write", errno), path_.string(), "check the run directory");
}

void RunLog::record(const StepReport& report) {
  const std::string line = line_of(report);
  if (std::fputs(line.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
    throw UsageError(with_errno("cannot write", errno), path_.string(),
                     "free some space there and resume");
  }
}

std::vector<StepReport> read_run_log(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file)
    throw UsageError("cannot read the run's log", path.string(),
                     "name a run directory of `catamaran train`");
  std::vector<StepReport> reports;
  for (std::string text; std::getline(file, text);) {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (line.is_object()) reports.push_back(report_of(line));
  }
  return reports;
}

}  // namespace catamaran
