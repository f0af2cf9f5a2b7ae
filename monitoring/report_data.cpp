// The report's section about the data: data.json of the run directory, as docs/formats.md has it.
#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "monitoring/chart_points.h"
#include "monitoring/html_text.h"
#include "monitoring/report_parts.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostClasses = 1000;  // rows of the table
constexpr size_t kMostTogether = 40;   // rows and columns of the co-occurrence chart

double share_of(int64_t value, const std::vector<int64_t>& values) {
  const int64_t largest = values.empty() ? 1 : std::max<int64_t>(1, std::ranges::max(values));
  return static_cast<double>(value) / static_cast<double>(largest);
}

std::string count_bar(int64_t value, const std::vector<int64_t>& values) {
  return bar_cell(static_cast<double>(value), share_of(value, values), grouped(value));
}

std::vector<size_t> by_frequency(const std::vector<int64_t>& counts) {
  std::vector<size_t> order(counts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return counts[a] > counts[b]; });
  return order;
}

// Of the first pack that is the training pack, and of the evaluation pack where there is one.
struct PackNumbers {
  std::string role;
  int64_t images = 0;
  std::vector<std::string> classes;
  std::vector<int64_t> present;
  std::vector<int64_t> labels_per_image;
  std::vector<std::vector<int64_t>> together;
  json all;
};

PackNumbers numbers_of(const json& pack) {
  PackNumbers numbers;
  numbers.role = pack.at("role").get<std::string>();
  numbers.images = pack.at("images").get<int64_t>();
  numbers.classes = pack.at("classes").get<std::vector<std::string>>();
  numbers.present = pack.at("present").get<std::vector<int64_t>>();
  numbers.labels_per_image = pack.at("labels_per_image").get<std::vector<int64_t>>();
  numbers.together = pack.at("together").get<std::vector<std::vector<int64_t>>>();
  numbers.all = pack;
  return numbers;
}

std::string head_of(const char* first, const std::vector<PackNumbers>& packs) {
  std::string head = "<tr><th>" + std::string(first) + "</th>";
  for (const PackNumbers& pack : packs) head += "<th>" + html_escape(pack.role) + "</th>";
  return head + "</tr>";
}

std::string class_table(const std::vector<PackNumbers>& packs) {
  const PackNumbers& first = packs.front();
  const std::vector<size_t> order = by_frequency(first.present);
  const size_t shown = std::min(order.size(), kMostClasses);
  std::string rows;
  for (size_t i = 0; i < shown; ++i) {
    const size_t c = order[i];
    rows += "<tr>" + text_cell(first.classes[c]);
    for (const PackNumbers& pack : packs) rows += count_bar(pack.present[c], pack.present);
    rows += "</tr>\n";
  }
  std::string rest;
  if (shown < order.size()) {
    rest = text("<p>and %zu classes with at most %s images in training</p>\n", order.size() - shown,
                grouped(first.present[order[shown]]).c_str());
  }
  return "<div><h3>Images per class</h3>" + table(head_of("class", packs), rows, "class") + rest +
         "</div>\n";
}

std::string labels_table(const std::vector<PackNumbers>& packs) {
  size_t most = 0;
  for (const PackNumbers& pack : packs) most = std::max(most, pack.labels_per_image.size());
  std::string rows;
  for (size_t k = 0; k < most; ++k) {
    rows += "<tr>" + count_cell(static_cast<int64_t>(k));
    for (const PackNumbers& pack : packs)
      rows += count_bar(k < pack.labels_per_image.size() ? pack.labels_per_image[k] : 0,
                        pack.labels_per_image);
    rows += "</tr>\n";
  }
  return "<h3>Labels of an image</h3>" + table(head_of("labels", packs), rows);
}

std::string size_table(const std::vector<PackNumbers>& packs) {
  std::string rows;
  for (const PackNumbers& pack : packs) {
    for (const char* const what : {"width", "height", "aspect"}) {
      const json& d = pack.all.at(what);
      const int decimals = std::string(what) == "aspect" ? 2 : 0;
      rows += "<tr><td>" + html_escape(pack.role) + " " + what + "</td>";
      const auto add = [&](double value) { rows += "<td>" + fixed(value, decimals) + "</td>"; };
      add(d.at("least").get<double>());
      for (const json& quantile : d.at("quantiles")) add(quantile.at(1).get<double>());
      add(d.at("most").get<double>());
      rows += "</tr>\n";
    }
  }
  return "<h3>Sizes of the images</h3><div "
         "class=\"scroll\"><table><thead><tr><th></th><th>least</th><th>5 %</th><th>25 "
         "%</th><th>median</th><th>75 %</th><th>95 %</th>"
         "<th>most</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n";
}

// Of the images with the row's class, the share that has the column's as well.
std::string together_chart(const PackNumbers& pack, ChartList& charts) {
  if (pack.together.size() != pack.classes.size()) return "";
  std::vector<size_t> order = by_frequency(pack.present);
  order.resize(std::min(order.size(), kMostTogether));
  json labels = json::array(), z = json::array(), words = json::array();
  for (const size_t a : order) {
    labels.push_back(pack.classes[a]);
    json shares = json::array(), counts = json::array();
    for (const size_t b : order) {
      const int64_t both = pack.together[a].at(b);
      const double share = pack.present[a] > 0 && a != b
                               ? static_cast<double>(both) / static_cast<double>(pack.present[a])
                               : RecordedStep::kNone;
      shares.push_back(short_number(100 * share, 3));
      counts.push_back(std::to_string(both) + " images");
    }
    z.push_back(shares);
    words.push_back(counts);
  }
  const std::string few = order.size() < pack.classes.size()
                              ? text("; the %zu most frequent classes", order.size())
                              : "";
  return "<h3>Together</h3><p>Of the training images with the row's class, the percentage that has "
         "the column's as well" +
         few + ".</p>" +
         charts.add({{"kind", "heat"},
                     {"title", "Together"},
                     {"unit", "%"},
                     {"x", labels},
                     {"y", labels},
                     {"x_label", ""},
                     {"y_label", ""},
                     {"z", z},
                     {"words", words}},
                    std::clamp(140 + 18 * static_cast<int>(order.size()), 260, 820), /*wide=*/true);
}

}  // namespace

std::string data_section(const ReportData& report, ChartList& charts) {
  for (const RecordedRun& run : report.runs) {
    if (!run.data.is_object()) continue;
    std::vector<PackNumbers> packs;
    try {
      for (const json& pack : run.data.at("packs")) packs.push_back(numbers_of(pack));
      if (packs.empty() || packs.front().classes.empty()) continue;
      const bool same = std::all_of(packs.begin(), packs.end(), [&](const PackNumbers& pack) {
        return pack.classes == packs.front().classes &&
               pack.present.size() == pack.classes.size() && !pack.labels_per_image.empty();
      });
      if (!same) continue;
      std::string sizes;
      for (const PackNumbers& pack : packs)
        sizes += (sizes.empty() ? "" : ", ") + html_escape(pack.role) + ": " + grouped(pack.images);
      const std::string tables = "<div class=\"columns\">" + class_table(packs) + "<div>" +
                                 labels_table(packs) + size_table(packs) + "</div></div>\n";
      return section(
          "data", "Data",
          "<p>Images: " + sizes + ".</p>\n" + tables + together_chart(packs.front(), charts));
    } catch (const json::exception&) {
      continue;  // of another version
    } catch (const std::out_of_range&) {
      continue;  // a row of `together` that is too short
    }
  }
  return "";
}

}  // namespace catamaran
