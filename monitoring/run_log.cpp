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

// nlohmann::json writes a number that is not finite as null, which is what we want.
std::string line_of(const StepReport& r) {
  const nlohmann::ordered_json line = {{"step", r.step},
                                       {"epoch", r.epoch},
                                       {"loss", r.loss},
                                       {"learning_rate", r.learning_rate},
                                       {"gradient_norm", r.gradient_norm},
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
                                       {"exchanged_bytes", r.exchanged_bytes},
                                       {"alpha", r.alpha},
                                       {"beta", r.beta},
                                       {"gamma", r.gamma},
                                       {"loss_scale", r.loss_scale}};
  return line.dump() + "\n";
}

double number(const json& line, const char* key) {
  const json& value = line.at(key);
  return value.is_null() ? std::nan("") : value.get<double>();
}

StepReport report_of(const json& line) {
  StepReport r;
  r.step = line.at("step").get<int64_t>();
  r.epoch = line.at("epoch").get<int64_t>();
  r.loss = number(line, "loss");
  r.learning_rate = number(line, "learning_rate");
  r.gradient_norm = number(line, "gradient_norm");
  r.applied = line.at("applied").get<bool>();
  r.images = line.at("images").get<int64_t>();
  r.step_seconds = number(line, "step_seconds");
  r.data_wait_seconds = number(line, "data_wait_seconds");
  r.forward_seconds = number(line, "forward_seconds");
  r.backward_seconds = number(line, "backward_seconds");
  r.exchange_exposed_seconds = number(line, "exchange_exposed_seconds");
  r.optimizer_seconds = number(line, "optimizer_seconds");
  r.exchanged_bytes = line.at("exchanged_bytes").get<int64_t>();
  r.alpha = number(line, "alpha");
  r.beta = number(line, "beta");
  r.gamma = number(line, "gamma");
  if (line.contains("loss_scale")) r.loss_scale = number(line, "loss_scale");  // not before 0.2
  return r;
}

struct LogLine {
  std::string text;  // without the line's end
  StepReport report;
};

std::vector<LogLine> read_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) {
    throw UsageError(with_errno("cannot read the run's log", errno), path.string(),
                     "name a run directory of `catamaran train`");
  }
  std::vector<LogLine> lines;
  for (std::string text; std::getline(file, text);) {
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    try {
      lines.push_back({text, report_of(line)});
    } catch (const json::exception&) {
      const bool torn = file.eof();  // a kill came between the line's start and its end
      if (torn) break;
      throw UsageError("this line is no step of a run",
                       path.string() + ":" + std::to_string(lines.size() + 1),
                       "delete the line if the file was edited or damaged");
    }
  }
  return lines;
}

void drop_lines_from(const std::filesystem::path& path, int64_t first_step) {
  std::string kept;
  for (const LogLine& line : read_lines(path)) {
    if (line.report.step < first_step) kept += line.text + "\n";
  }
  write_file_atomically(path, kept, ErrorKind::kUsage);
}

}  // namespace

RunLog::RunLog(std::filesystem::path path, int64_t first_step) : path_(std::move(path)) {
  std::error_code code;
  if (std::filesystem::exists(path_, code)) drop_lines_from(path_, first_step);
  file_ = Handle<StdioTraits>(std::fopen(path_.c_str(), "ae"));
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
  std::vector<StepReport> reports;
  for (const LogLine& line : read_lines(path)) reports.push_back(line.report);
  return reports;
}

}  // namespace catamaran
