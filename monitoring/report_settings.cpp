// The sections of the report about how the runs were made: what differs in their configurations,
// versions, events, and the files themselves.
#include <algorithm>
#include <array>

#include "monitoring/html_text.h"
#include "monitoring/recorded_files.h"
#include "monitoring/report_parts.h"
#include "monitoring/run_events.h"
#include "support/clock.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;

constexpr size_t kMostLives = 60;  // rows of versions
constexpr size_t kMostEventRuns = 6;
constexpr size_t kMostFileRuns = 24;

std::string time_of(double unix_seconds) { return unix_seconds > 0 ? utc_text(unix_seconds) : ""; }

// A row for a key, of the runs that have a column.
std::string setting_row(const SettingRow& row, const std::vector<size_t>& runs, bool with_usual) {
  std::string html = "<tr>" + text_cell(row.key, "key");
  if (with_usual) html += text_cell(row.usual.empty() ? "–" : row.usual, "value");
  for (const size_t run : runs) {
    const std::string& value = row.values[run];
    const bool changed = !value.empty() && value != row.usual;
    html += text_cell(value.empty() ? "–" : value, with_usual && changed ? "value best" : "value");
  }
  return html + "</tr>\n";
}

std::vector<std::string> columns_of(const json& life) {
  const json libraries = life.value("libraries", json::object());
  const json hosts = life.value("hosts", json::array());
  std::vector<std::string> names;
  if (hosts.is_array()) {
    for (const json& host : hosts) {
      if (host.is_string() && std::ranges::find(names, host.get<std::string>()) == names.end())
        names.push_back(host.get<std::string>());
    }
  }
  std::string where;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 4); ++i)
    where += (where.empty() ? "" : ", ") + names[i];
  if (names.size() > 4) where += text(" and %zu more", names.size() - 4);
  const json ended = life.value("ended", json());
  const json failure = life.value("failure", json());
  std::string end = text_in(ended, "reason");
  if (end.empty()) end = text_in(failure, "cause");
  return {time_of(number_in(life, "started_unix_seconds", 0)),
          end,
          text_in(life, "version") + " " + text_in(life, "git"),
          text_in(libraries, "torch"),
          text_in(libraries, "nccl"),
          text_in(libraries, "cuda"),
          text_in(libraries, "mpi"),
          text_in(life, "backend"),
          std::to_string(whole_in(life, "world", 0)),
          text_in(life, "precision"),
          where};
}

constexpr std::array<const char*, 11> kColumns = {"started", "end",       "catamaran", "LibTorch",
                                                  "NCCL",    "CUDA",      "MPI",       "exchange",
                                                  "ranks",   "precision", "hosts"};

}  // namespace

std::string settings_section(const ReportData& report, ChartList&) {
  std::vector<std::vector<Setting>> settings;
  for (const RecordedRun& run : report.runs) settings.push_back(run.settings);
  const std::vector<SettingRow> all = compared_settings(settings, report.defaults);
  if (all.empty()) return "";
  const std::vector<size_t> runs = drawn_runs(report, kMostRunColumns);
  const bool with_usual = !report.defaults.empty();
  std::string head = "<tr><th>key</th>";
  if (with_usual) head += "<th>default</th>";
  for (const size_t run : runs)
    head += "<th>" + (is_alone(report) ? std::string("this run") : html_escape(report.names[run])) +
            "</th>";
  head += "</tr>";
  std::string differ, between, place, same;
  for (const SettingRow& row : all) {
    const std::string html = setting_row(row, runs, with_usual);
    const bool runs_differ = std::ranges::any_of(
        runs, [&](size_t run) { return row.values[run] != row.values[runs.front()]; });
    std::string& to = is_of_the_place(row.key)           ? place
                      : !is_alone(report) && runs_differ ? between
                      : row.differs                      ? differ
                                                         : same;
    to += html;
  }
  std::string content;
  if (!is_alone(report))
    content +=
        "<h3>Between these runs</h3>\n" +
        (between.empty() ? std::string("<p>Nothing differs.</p>\n") : table(head, between, "key"));
  if (with_usual)
    content += "<h3>Other than the default" +
               std::string(is_alone(report) ? "" : ", in all of them") + "</h3>\n" +
               (differ.empty() ? std::string("<p>Nothing.</p>\n") : table(head, differ, "key"));
  if (!place.empty()) content += details("of the place: files, ports, threads", table(head, place));
  if (!same.empty())
    content += details(with_usual ? "as everybody has it" : "the same in all of them",
                       table(head, same, "key"));
  return section("settings", "Configuration", content + left_out_note(report, kMostRunColumns));
}

std::string versions_section(const ReportData& report, ChartList&) {
  std::string head = "<tr><th>run</th>";
  for (const char* const column : kColumns) head += "<th>" + std::string(column) + "</th>";
  std::string rows;
  size_t count = 0;
  for (const size_t run : drawn_runs(report, kMostCurves)) {
    if (!report.runs[run].manifest.is_object()) continue;
    const json lives = report.runs[run].manifest.value("lives", json::array());
    std::vector<std::string> before;
    for (const json& life : lives) {
      if (!life.is_object() || ++count > kMostLives) continue;
      rows += "<tr>" + run_cell(report, run);
      const std::vector<std::string> cells = columns_of(life);
      for (size_t i = 0; i < cells.size(); ++i) {
        const bool changed = i >= 2 && !before.empty() && before[i] != cells[i];
        rows += text_cell(cells[i].empty() ? "–" : cells[i], changed ? "changed" : "");
      }
      rows += "</tr>\n";
      before = cells;
    }
  }
  if (rows.empty()) return "";
  return section("versions", "Versions",
                 "<p>A row for each start; marked is what is not as in the start before.</p>\n" +
                     table(head + "</tr>", rows));
}

std::string events_section(const ReportData& report, ChartList&) {
  std::string html;
  for (const size_t run : drawn_runs(report, kMostEventRuns)) {
    const std::vector<RunEvent> events = events_of(report.runs[run]);
    if (events.empty()) continue;
    std::string rows;
    for (const RunEvent& event : events) {
      const char* css = event.level == Trust::kBad       ? "bad"
                        : event.level == Trust::kCaution ? "caution"
                                                         : "good";
      const std::string when = time_of(event.unix_seconds);
      rows += "<tr>" +
              number_cell(event.unix_seconds,
                          when.empty() ? "–" : (event.is_about ? "about " : "") + when) +
              number_cell(event.step < 0 ? RecordedStep::kNone : static_cast<double>(event.step),
                          event.step < 0 ? "–" : grouped(event.step)) +
              text_cell(event.kind, css) + text_cell(event.text, "words") + "</tr>\n";
    }
    const std::string content =
        table("<tr><th>time</th><th>step</th><th>what</th><th></th></tr>", rows, "event");
    html +=
        is_alone(report)
            ? content
            : details(text("%s: %zu events", report.names[run].c_str(), events.size()), content);
  }
  return section("events", "Events", html);
}

std::string files_section(const ReportData& report, ChartList&) {
  std::string html;
  for (const size_t run : drawn_runs(report, kMostFileRuns)) {
    const RecordedRun& r = report.runs[run];
    if (!r.config.empty())
      html += details(prefix_of(report, run) + "config.toml", preformatted(r.config));
    if (!r.manifest.is_null())
      html += details(prefix_of(report, run) + "manifest.json",
                      preformatted(r.manifest.dump(2, ' ', false, json::error_handler_t::replace)));
  }
  return section("files", "Files", html);
}

}  // namespace catamaran
