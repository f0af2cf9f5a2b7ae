// The sections of the report that show a run's own files: explained pictures, configuration,
// manifest.
#include "monitoring/html_text.h"
#include "monitoring/report_sections.h"

namespace catamaran {
namespace {

std::string figure(const std::string& png, const std::string& title, const std::string& caption) {
  return "<figure><img src=\"" + png_data_url(png) + "\" alt=\"" + html_escape(title) +
         "\"><figcaption>" + caption + "</figcaption></figure>\n";
}

std::string explained_image(const ExplainedImage& image) {
  std::string html = "<div class=\"explained\">\n" +
                     figure(image.picture_png, image.image, html_escape(image.image));
  for (const ExplainedLabel& label : image.labels) {
    const std::string name = html_escape(label.label);
    html += figure(label.overlay_png, label.label + " in " + image.image,
                   "<b>" + name + "</b> " + fixed(100 * label.probability, 1) + " %");
  }
  return html + "</div>\n";
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
  return "<section><h2>Where the model looks</h2>\n<p>Class activation maps over the picture, with "
         "the label's probability.</p>\n" +
         html + "</section>\n";
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
