// The sections of the report that show a run's own files: explained pictures, configuration,
// manifest.
#include <algorithm>
#include <array>

#include "monitoring/html_text.h"
#include "monitoring/report_sections.h"

namespace catamaran {
namespace {

std::string figure(const std::string& png, const std::string& title, const std::string& caption) {
  return "<figure><img src=\"" + png_data_url(png) + "\" alt=\"" + html_escape(title) +
         "\"><figcaption>" + caption + "</figcaption></figure>\n";
}

// How labels stand to the truth, where explain knew it: docs/formats.md. Of the other verdicts,
// "predicted" and "absent", there is nothing to tell.
constexpr std::array<const char*, 4> kVerdicts = {"right", "wrong", "missing", "ignored"};

bool is_told(const std::string& verdict) {
  return std::ranges::find(kVerdicts, verdict) != kVerdicts.end();
}

// The word is escaped by being one of kVerdicts.
std::string in_its_colour(const std::string& verdict, const std::string& html) {
  return "<span class=\"" + verdict + "\">" + html + "</span>";
}

// "right: dog, cat", "missing: bird": a line for each verdict that occurs.
std::string verdicts_of(const ExplainedImage& image) {
  std::string html;
  for (const char* const verdict : kVerdicts) {
    std::string labels;
    for (const ExplainedLabel& label : image.labels) {
      if (label.verdict == verdict)
        labels += (labels.empty() ? "" : ", ") + html_escape(label.label);
    }
    if (!labels.empty())
      html += "<br>" + in_its_colour(verdict, std::string(verdict) + ": " + labels);
  }
  return html;
}

std::string explained_image(const ExplainedImage& image) {
  std::string html =
      "<div class=\"explained\">\n" +
      figure(image.picture_png, image.image, html_escape(image.image) + verdicts_of(image));
  for (const ExplainedLabel& label : image.labels) {
    const std::string verdict =
        is_told(label.verdict) ? " " + in_its_colour(label.verdict, label.verdict) : "";
    html += figure(label.overlay_png, label.label + " in " + image.image,
                   "<b>" + html_escape(label.label) + "</b> " + fixed(100 * label.probability, 1) +
                       " %" + verdict);
  }
  return html + "</div>\n";
}

bool has_truth(const ReportData& report) {
  return std::ranges::any_of(report.runs, [](const RecordedRun& run) {
    return std::ranges::any_of(run.explained, [](const ExplainedImage& image) {
      return std::ranges::any_of(
          image.labels, [](const ExplainedLabel& label) { return is_told(label.verdict); });
    });
  });
}

std::string details(const std::string& title, const std::string& content) {
  return "<details><summary>" + html_escape(title) + "</summary><pre>" + html_escape(content) +
         "</pre></details>\n";
}

}  // namespace

std::string explained_section(const ReportData& report) {
  std::string html;
  for (size_t run = 0; run < report.runs.size(); ++run) {
    if (report.runs[run].explained.empty()) continue;
    if (report.runs.size() > 1) html += "<h3>" + html_escape(report.names[run]) + "</h3>\n";
    for (const ExplainedImage& image : report.runs[run].explained) html += explained_image(image);
  }
  if (html.empty()) return "";
  const std::string verdicts =
      has_truth(report)
          ? " Of the labels shown, right: at or over its threshold, and in the picture; wrong: "
            "over "
            "it, and not in the picture; missing: in the picture, and under it; ignored: the truth "
            "leaves it open."
          : "";
  return "<section><h2>Where the model looks</h2>\n<p>Class activation maps over the picture, with "
         "the label's probability." +
         verdicts + "</p>\n" + html + "</section>\n";
}

std::string files_section(const ReportData& report) {
  std::string html = "<section><h2>Configuration</h2>\n";
  for (size_t run = 0; run < report.runs.size(); ++run) {
    const std::string prefix = report.runs.size() > 1 ? report.names[run] + ": " : "";
    html += details(prefix + "config.toml", report.runs[run].config);
    html += details(
        prefix + "manifest.json",
        report.runs[run].manifest.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return html + "</section>\n";
}

}  // namespace catamaran
