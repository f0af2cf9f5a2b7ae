#include "monitoring/final_page.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "support/text.h"

namespace catamaran {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr size_t kLongestCause = 300;  // bytes

// What is longer is cut between two characters of UTF-8.
std::string cut(std::string text) {
  text = printable(text);
  for (char& c : text) {
    if (c == '\n' || c == '\t') c = ' ';
  }
  if (text.size() <= kLongestCause) return text;
  size_t end = kLongestCause;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "...";
}

prometheus::MetricFamily family(const char* name, const char* help, const Labels& labels,
                                double value) {
  prometheus::MetricFamily one;
  one.name = name;
  one.help = help;
  one.type = prometheus::MetricType::Gauge;
  prometheus::ClientMetric point;
  for (const auto& [label, text] : labels) point.label.push_back({label, text});
  point.gauge.value = value;
  one.metric.push_back(std::move(point));
  return one;
}

}  // namespace

std::string final_page(const RunEnd& end) {
  const Labels run = {{"run", cut(end.run)}};
  const RunNumbers& n = end.numbers;
  std::vector<prometheus::MetricFamily> families = {
      family("catamaran_final_info", "1; how the newest start of the run ended",
             {run[0], {"state", n.state}, {"reason", end.reason}, {"cause", cut(end.cause)}}, 1)};
  if (end.exit_code)
    families.push_back(family("catamaran_final_exit_code", "Its exit code (docs/exit-codes.md)",
                              run, *end.exit_code));
  families.push_back(
      family("catamaran_final_timestamp_seconds", "Unix time of its end", run, end.unix_seconds));
  families.push_back(family("catamaran_final_step", "Steps done", run, n.step));
  families.push_back(
      family("catamaran_final_epoch", "Epoch of the newest step, from 0", run, n.epoch));
  families.push_back(family("catamaran_final_progress_ratio",
                            "Share of the run's steps that are done", run, n.progress_ratio));
  families.push_back(family("catamaran_final_loss", "Loss of the newest step", run, n.loss));
  families.push_back(family("catamaran_final_best_map_ratio",
                            "Highest mAP of the whole life of the run", run, n.best_map_ratio));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace catamaran
