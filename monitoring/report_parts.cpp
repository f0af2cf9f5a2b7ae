#include "monitoring/report_parts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "monitoring/html_text.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr size_t kColours = 10;  // --s0 ... --s9 of the style sheet

std::string swatch(size_t run) {
  return "<span class=\"swatch\" style=\"--c:var(--s" + std::to_string(run % kColours) +
         ")\"></span>";
}

// Shortest text that reads back to the same number; for attributes.
std::string plain(double value) {
  if (!std::isfinite(value)) return "";
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return {digits, end};
}

}  // namespace

std::string section(const char* id, const char* title, const std::string& content) {
  if (content.empty()) return "";
  return "<section id=\"" + std::string(id) + "\">\n<h2>" + html_escape(title) + "</h2>\n" +
         content + "</section>\n";
}

std::string text_cell(const std::string& content, const char* css_class) {
  const std::string attribute =
      *css_class == '\0' ? "" : " class=\"" + std::string(css_class) + "\"";
  return "<td" + attribute + ">" + html_escape(content) + "</td>";
}

std::string number_cell(double value, const std::string& shown, bool is_best) {
  return "<td data-v=\"" + plain(value) + "\"" + (is_best ? " class=\"best\"" : "") + ">" +
         html_escape(shown) + "</td>";
}

std::string number_cell(const std::optional<double>& value, int decimals, double scale,
                        bool is_best) {
  if (!value) return "<td data-v=\"\">–</td>";
  return number_cell(*value, fixed(scale * *value, decimals), is_best);
}

std::string count_cell(int64_t value) {
  return number_cell(static_cast<double>(value), grouped(value));
}

std::string bar_cell(double value, double share, const std::string& shown) {
  return text("<td class=\"bar\" style=\"--share:%.1f%%\" data-v=\"%s\">",
              100 * std::clamp(std::isfinite(share) ? share : 0, 0.0, 1.0), plain(value).c_str()) +
         html_escape(shown) + "</td>";
}

std::string run_cell(const ReportData& report, size_t run) {
  return "<th scope=\"row\">" + swatch(run) + html_escape(report.names[run]) + "</th>";
}

std::string table(const std::string& head, const std::string& rows, const char* filter) {
  const std::string attribute =
      *filter == '\0' ? "" : " data-filter=\"" + html_escape(filter) + "\"";
  return "<div class=\"scroll\"><table class=\"sortable\"" + attribute + "><thead>" + head +
         "</thead><tbody>\n" + rows + "</tbody></table></div>\n";
}

std::string details(const std::string& title, const std::string& html) {
  return "<details><summary>" + html_escape(title) + "</summary>" + html + "</details>\n";
}

std::string preformatted(const std::string& text) { return "<pre>" + html_escape(text) + "</pre>"; }

std::string legend(const ReportData& report) {
  if (is_alone(report)) return "";
  std::string html = "<ul class=\"legend\">";
  for (const size_t run : drawn_runs(report, kMostCurves))
    html += "<li>" + swatch(run) + html_escape(report.names[run]) + "</li>";
  return html + "</ul>\n";
}

std::vector<size_t> drawn_runs(const ReportData& report, size_t most) {
  std::vector<size_t> runs(report.runs.size());
  std::iota(runs.begin(), runs.end(), size_t{0});
  if (runs.size() <= most) return runs;
  std::ranges::stable_sort(runs, std::ranges::greater(),
                           [&](size_t run) { return report.summaries[run].best_map.value_or(-1); });
  runs.resize(most);
  std::ranges::sort(runs);
  return runs;
}

std::string left_out_note(const ReportData& report, size_t most) {
  if (report.runs.size() <= most) return "";
  return text("<p>Shown are the %zu of the best evaluations among %zu runs.</p>\n", most,
              report.runs.size());
}

bool is_alone(const ReportData& report) { return report.runs.size() < 2; }

std::string prefix_of(const ReportData& report, size_t run) {
  return is_alone(report) ? "" : report.names[run] + ": ";
}

std::string ChartList::add(nlohmann::json spec, int height, bool wide) {
  const std::string title = spec.value("title", "");
  const std::string unit = spec.value("unit", "");
  const std::string caption =
      title.empty()
          ? ""
          : "<figcaption>" + html_escape(title) +
                (unit.empty() ? "" : " <span class=\"unit\">" + html_escape(unit) + "</span>") +
                "</figcaption>";
  const std::string number = std::to_string(specs_.size());
  const std::string figure =
      "<figure class=\"chart" + std::string(wide ? " wide" : "") + "\">" + caption +
      "<div class=\"plot\" id=\"chart-" + number + "\" role=\"img\" aria-label=\"" +
      html_escape(title) + "\" style=\"height:" + std::to_string(height) + "px\"></div></figure>\n";
  specs_.push_back(std::move(spec));
  return figure;
}

}  // namespace catamaran
