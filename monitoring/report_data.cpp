// The report's section about the data: data.json of the run directory, as docs/formats.md has it.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "monitoring/html_text.h"
#include "monitoring/report_sections.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostClasses = 40;   // rows of the table
constexpr size_t kMostTogether = 20;  // rows and columns of the co-occurrence table

// A bar behind a number: its share of the largest.
std::string bar_cell(int64_t value, double share) {
  return text("<td class=\"counted\" style=\"--share:%.1f%%\">", 100 * share) + grouped(value) +
         "</td>";
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

std::string class_table(const std::vector<PackNumbers>& packs) {
  const PackNumbers& first = packs.front();
  const std::vector<size_t> order = by_frequency(first.present);
  const size_t shown = std::min(order.size(), kMostClasses);
  std::string head = "<th>class</th>";
  for (const PackNumbers& pack : packs) head += "<th>" + html_escape(pack.role) + "</th>";
  std::string rows;
  for (size_t i = 0; i < shown; ++i) {
    const size_t c = order[i];
    rows += "<tr><td>" + html_escape(first.classes[c]) + "</td>";
    for (const PackNumbers& pack : packs) {
      const double largest = static_cast<double>(
          std::max<int64_t>(1, *std::max_element(pack.present.begin(), pack.present.end())));
      rows += bar_cell(pack.present[c], static_cast<double>(pack.present[c]) / largest);
    }
    rows += "</tr>\n";
  }
  std::string rest;
  if (shown < order.size()) {
    rest = text("<p>and %zu classes with at most %s images in training</p>\n", order.size() - shown,
                grouped(first.present[order[shown]]).c_str());
  }
  return "<div><h3>Images per class</h3><div class=\"scroll\"><table><thead><tr>" + head +
         "</tr></thead><tbody>\n" + rows + "</tbody></table></div>" + rest + "</div>\n";
}

std::string labels_table(const std::vector<PackNumbers>& packs) {
  size_t most = 0;
  for (const PackNumbers& pack : packs) most = std::max(most, pack.labels_per_image.size());
  std::string head = "<th>labels</th>";
  for (const PackNumbers& pack : packs) head += "<th>" + html_escape(pack.role) + "</th>";
  std::string rows;
  for (size_t k = 0; k < most; ++k) {
    rows += "<tr><td>" + std::to_string(k) + "</td>";
    for (const PackNumbers& pack : packs) {
      const int64_t count = k < pack.labels_per_image.size() ? pack.labels_per_image[k] : 0;
      const double largest = static_cast<double>(std::max<int64_t>(
          1, *std::max_element(pack.labels_per_image.begin(), pack.labels_per_image.end())));
      rows += bar_cell(count, static_cast<double>(count) / largest);
    }
    rows += "</tr>\n";
  }
  return "<h3>Labels of an image</h3><div class=\"scroll\"><table><thead><tr>" + head +
         "</tr></thead><tbody>\n" + rows + "</tbody></table></div>\n";
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
  return "<h3>Sizes of the images</h3><div class=\"scroll\"><table><thead><tr><th></th>"
         "<th>least</th><th>5 %</th><th>25 %</th><th>median</th><th>75 %</th><th>95 %</th>"
         "<th>most</th></tr></thead><tbody>\n" +
         rows + "</tbody></table></div>\n";
}

// Of the images with the row's class, the share that has the column's as well.
std::string together_table(const PackNumbers& pack) {
  if (pack.together.size() != pack.classes.size()) return "";
  std::vector<size_t> order = by_frequency(pack.present);
  order.resize(std::min(order.size(), kMostTogether));
  std::string head = "<th></th>";
  for (const size_t c : order)
    head +=
        "<th class=\"tall\"><span>" + html_escape(shorten(pack.classes[c], 18)) + "</span></th>";
  std::string rows;
  for (const size_t a : order) {
    rows += "<tr><td>" + html_escape(shorten(pack.classes[a], 18)) + "</td>";
    for (const size_t b : order) {
      const double share = pack.present[a] > 0 ? static_cast<double>(pack.together[a][b]) /
                                                     static_cast<double>(pack.present[a])
                                               : 0;
      rows += a == b ? "<td class=\"heat self\"></td>"
                     : text("<td class=\"heat\" style=\"--share:%.0f%%\">", 100 * share) +
                           (share >= 0.005 ? fixed(100 * share, 0) : "") + "</td>";
    }
    rows += "</tr>\n";
  }
  return text(
             "<h3>Together</h3><p>Of the training images with the row's class, the percentage that "
             "has the column's as well%s.</p><div class=\"scroll\"><table "
             "class=\"together\"><thead>"
             "<tr>",
             order.size() < pack.classes.size()
                 ? text("; the %zu most frequent classes", order.size()).c_str()
                 : "") +
         head + "</tr></thead><tbody>\n" + rows + "</tbody></table></div>\n";
}

}  // namespace

std::string data_section(const ReportData& report) {
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
      return "<section><h2>Data</h2>\n<p>Images: " + sizes + ".</p>\n<div class=\"columns\">" +
             class_table(packs) + "<div>" + labels_table(packs) + size_table(packs) +
             "</div></div>\n" + together_table(packs.front()) + "</section>\n";
    } catch (const json::exception&) {
      continue;  // of another version
    }
  }
  return "";
}

}  // namespace catamaran
