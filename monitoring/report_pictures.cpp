// The section of the report with the pictures that explain left: where the model looks, on those
// that it does best and worst on.
#include <algorithm>
#include <array>

#include "monitoring/html_text.h"
#include "monitoring/recorded_files.h"
#include "monitoring/report_parts.h"

namespace catamaran {
namespace {

constexpr size_t kMostPictureRuns = 4;
constexpr size_t kMostPictureBytes = size_t{6} << 20;  // of the page, before they are text

std::string figure(const std::string& jpeg, const std::string& title, const std::string& caption) {
  return "<figure><img src=\"" + jpeg_data_url(jpeg) + "\" alt=\"" + html_escape(title) +
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

size_t bytes_of(const ExplainedImage& image) {
  size_t bytes = image.picture_jpeg.size();
  for (const ExplainedLabel& label : image.labels) bytes += label.overlay_jpeg.size();
  return bytes;
}

std::string explained_image(const ExplainedImage& image) {
  const std::string loss =
      image.rank.empty() ? "" : "<br><small>loss " + compact(image.loss) + "</small>";
  std::string html =
      "<div class=\"explained\">\n" +
      figure(image.picture_jpeg, image.image, html_escape(image.image) + verdicts_of(image) + loss);
  for (const ExplainedLabel& label : image.labels) {
    if (label.overlay_jpeg.empty()) continue;
    const std::string verdict =
        is_told(label.verdict) ? " " + in_its_colour(label.verdict, label.verdict) : "";
    html += figure(label.overlay_jpeg, label.label + " in " + image.image,
                   "<b>" + html_escape(label.label) + "</b> " + fixed(100 * label.probability, 1) +
                       " %" + verdict);
  }
  return html + "</div>\n";
}

struct Group {
  const char* rank;
  const char* title;
};

// Those of one rank, while there is room on the page.
std::string group_of(const RecordedRun& run, const Group& group, size_t& room) {
  std::string html;
  for (const ExplainedImage& image : run.explained) {
    if (image.rank != group.rank || bytes_of(image) > room) continue;
    room -= bytes_of(image);
    html += explained_image(image);
  }
  return html.empty() ? "" : "<h4>" + std::string(group.title) + "</h4>\n" + html;
}

bool has_truth(const ReportData& report) {
  return std::ranges::any_of(report.runs, [](const RecordedRun& run) {
    return std::ranges::any_of(run.explained, [](const ExplainedImage& image) {
      return std::ranges::any_of(
          image.labels, [](const ExplainedLabel& label) { return is_told(label.verdict); });
    });
  });
}

// How to get there, where no run has any pictures.
std::string advice(const ReportData& report) {
  const RecordedRun& run = report.runs.front();
  const nlohmann::json life = run.newest_life();
  if (run.evaluations.empty() || !life.is_object()) return "";
  const std::string pack = text_in(life.value("eval_pack", nlohmann::json()), "folder");
  if (pack.empty()) return "";
  const std::string folder = run.folder.lexically_normal().string();
  return "<p>None yet. To see the pictures that the model does best and worst on, and where it "
         "looks:</p>\n" +
         preformatted("catamaran explain --checkpoint " + folder + " --data " + pack +
                      " --best 4 --worst 4 --out " + (run.folder / "explain").string());
}

}  // namespace

std::string pictures_section(const ReportData& report, ChartList&) {
  constexpr Group kGroups[] = {{"best", "Does best on"}, {"worst", "Does worst on"}, {"", ""}};
  size_t room = kMostPictureBytes;
  size_t runs = 0;
  std::string html;
  for (size_t run = 0; run < report.runs.size() && runs < kMostPictureRuns; ++run) {
    if (report.runs[run].explained.empty()) continue;
    ++runs;
    if (!is_alone(report)) html += "<h3>" + html_escape(report.names[run]) + "</h3>\n";
    const bool ranked = std::ranges::any_of(
        report.runs[run].explained, [](const ExplainedImage& i) { return !i.rank.empty(); });
    for (const Group& group : kGroups) {
      const bool untitled = *group.rank == '\0';
      html += group_of(report.runs[run],
                       untitled ? Group{"", ranked ? "Others" : "Pictures"} : group, room);
    }
  }
  if (html.empty()) return section("pictures", "Where the model looks", advice(report));
  const std::string verdicts =
      has_truth(report)
          ? " Of the labels shown, right: at or over its threshold, and in the picture; wrong: "
            "over it, and not in the picture; missing: in the picture, and under it; ignored: the "
            "truth leaves it open."
          : "";
  return section("pictures", "Where the model looks",
                 "<p>Class activation maps over the picture, with the label's probability." +
                     verdicts + "</p>\n" + html);
}

}  // namespace catamaran
