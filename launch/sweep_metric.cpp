#include "launch/sweep_metric.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/assert.h"
#include "support/json.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kLoss = "last_loss";
constexpr std::array<const char*, 7> kFigures = {"map", "of1", "cf1", "op", "or", "cp", "cr"};
constexpr int64_t kLargestEvaluation = int64_t{4} << 20;
constexpr int64_t kTailBytes = 64 << 10;
constexpr size_t kLossLines = 20;

struct Recorded {
  int64_t step = 0;
  double value = 0;
};

std::optional<Recorded> recorded(const json& object, const char* figure) {
  if (!object.is_object() || !object.contains("step") || !object.contains(figure))
    return std::nullopt;
  const json& step = object.at("step");
  const json& value = object.at(figure);
  if (!step.is_number_integer() || !value.is_number()) return std::nullopt;
  const Recorded found{step.get<int64_t>(), value.get<double>()};
  return std::isfinite(found.value) ? std::optional(found) : std::nullopt;
}

std::vector<Recorded> evaluations(const fs::path& run, const char* figure, int64_t until_step) {
  std::vector<Recorded> found;
  std::error_code code;
  for (fs::directory_iterator at(run / "eval", code), end; !code && at != end; at.increment(code)) {
    if (at->path().extension() != ".json") continue;
    try {
      const auto one =
          recorded(read_json_file(at->path(), ErrorKind::kUsage, kLargestEvaluation), figure);
      if (one && (until_step <= 0 || one->step <= until_step)) found.push_back(*one);
    } catch (const Error&) {  // damaged, or being written
    }
  }
  std::ranges::sort(found, {}, &Recorded::step);
  return found;
}

std::optional<double> last_loss(const fs::path& run, int64_t until_step) {
  std::ifstream file(run / "metrics.jsonl", std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  const int64_t bytes = file.tellg();
  file.seekg(std::max<int64_t>(0, bytes - kTailBytes));
  std::vector<double> losses;
  for (std::string line; std::getline(file, line);) {
    const json object = json::parse(line, /*cb=*/nullptr, /*allow_exceptions=*/false);
    const auto one = recorded(object, "loss");  // of a torn line: none
    if (one && (until_step <= 0 || one->step <= until_step)) losses.push_back(one->value);
  }
  if (losses.empty()) return std::nullopt;
  const size_t count = std::min(kLossLines, losses.size());
  double sum = 0;
  for (size_t i = losses.size() - count; i < losses.size(); ++i) sum += losses[i];
  return sum / static_cast<double>(count);
}

}  // namespace

std::vector<std::string> metric_names() {
  std::vector<std::string> names;
  names.reserve(2 * kFigures.size() + 1);
  for (const char* figure : kFigures) names.push_back(std::string("best_") + figure);
  for (const char* figure : kFigures) names.push_back(std::string("last_") + figure);
  names.emplace_back(kLoss);
  return names;
}

bool is_higher_better(const std::string& metric) { return metric != kLoss; }
bool needs_evaluation(const std::string& metric) { return metric != kLoss; }

std::optional<double> read_metric(const std::string& metric, const fs::path& run,
                                  int64_t until_step) {
  if (metric == kLoss) return last_loss(run, until_step);
  const bool is_best = metric.starts_with("best_");
  CATAMARAN_ASSERT(is_best || metric.starts_with("last_"), "the metric's name was checked");
  const std::string figure = metric.substr(5);
  const std::vector<Recorded> found = evaluations(run, figure.c_str(), until_step);
  if (found.empty()) return std::nullopt;
  return is_best ? std::ranges::max(found, {}, &Recorded::value).value : found.back().value;
}

}  // namespace catamaran
