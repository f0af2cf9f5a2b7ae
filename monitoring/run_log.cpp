#include "monitoring/run_log.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace catamaran {
namespace {

using nlohmann::json;

// Why a step was not applied.
constexpr const char* kSpike = "spike";
constexpr const char* kNotFinite = "not finite";

// nlohmann::json writes a number that is not finite as null, which is what we want.
nlohmann::ordered_json line_of(const StepReport& r) {
  nlohmann::ordered_json line = {{"step", r.step},
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
                                 {"to_device_seconds", r.to_device_seconds},
                                 {"forward_seconds", r.forward_seconds},
                                 {"backward_seconds", r.backward_seconds},
                                 {"exchange_exposed_seconds", r.exchange_exposed_seconds},
                                 {"optimizer_seconds", r.optimizer_seconds},
                                 {"sums_seconds", r.sums_seconds},
                                 {"all_reduce_seconds", r.all_reduce_seconds},
                                 {"last_bucket_seconds", r.last_bucket_seconds},
                                 {"exchanged_bytes", r.exchanged_bytes},
                                 {"alpha", r.alpha},
                                 {"beta", r.beta},
                                 {"gamma", r.gamma},
                                 {"loss_scale", r.loss_scale},
                                 {"steady_seconds", r.steady_seconds},
                                 {"slowest_rank", r.slowest.rank},
                                 {"slowest_rank_seconds", r.slowest.seconds},
                                 {"median_rank_seconds", r.slowest.median_seconds}};
  if (!r.applied) line["skipped"] = r.spike ? kSpike : kNotFinite;
  return line;
}

double number(const json& line, const char* key) {
  const json& value = line.at(key);
  return value.is_null() ? std::nan("") : value.get<double>();
}

// Of a line that may have been edited: a resumed run does not fail for it.
double applied_seconds(const json& line) {
  const auto applied = line.find("applied");
  const auto seconds = line.find("step_seconds");
  const bool counts =
      applied != line.end() && *applied == true && seconds != line.end() && seconds->is_number();
  return counts ? std::max(0.0, seconds->get<double>()) : 0;
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
  if (line.contains("all_reduce_seconds")) {  // older logs lack them
    r.all_reduce_seconds = number(line, "all_reduce_seconds");
    r.last_bucket_seconds = number(line, "last_bucket_seconds");
  }
  if (line.contains("slowest_rank")) {
    r.slowest.rank = line.at("slowest_rank").get<int64_t>();
    r.slowest.seconds = number(line, "slowest_rank_seconds");
    r.slowest.median_seconds = number(line, "median_rank_seconds");
  }
  if (line.contains("to_device_seconds")) r.to_device_seconds = number(line, "to_device_seconds");
  if (line.contains("sums_seconds")) r.sums_seconds = number(line, "sums_seconds");
  if (line.contains("loss_scale")) r.loss_scale = number(line, "loss_scale");  // not before 0.2
  if (line.contains("steady_seconds")) r.steady_seconds = number(line, "steady_seconds");
  r.spike = line.value("skipped", kNotFinite) == std::string(kSpike);
  return r;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& path, int64_t first_step)
    : lines_(path, first_step, [this](const json& line) {
        ++kept_.lines;
        kept_.applied_seconds += applied_seconds(line);
      }) {}

void RunLog::record(const StepReport& report) { lines_.append(line_of(report)); }

std::vector<StepReport> read_run_log(const std::filesystem::path& path) {
  std::vector<StepReport> reports;
  for_each_step_line(
      path, [&](const std::string&, const json& line) { reports.push_back(report_of(line)); });
  return reports;
}

}  // namespace catamaran
