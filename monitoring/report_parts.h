// Pieces that several sections of the report are made of.
//
//   html += section("curves", "Curves", content);
//   html += "<tr>" + run_cell(report, 0) + number_cell(0.8742, "87.42") + "</tr>";
//
// Everything that a run brings is escaped here. Thread-safe.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "monitoring/report_sections.h"

namespace catamaran {

constexpr size_t kMostCurves = 24;      // runs that are drawn as lines
constexpr size_t kMostRunColumns = 12;  // runs that have a column of a table

// "" where the content is.
std::string section(const char* id, const char* title, const std::string& content);

std::string text_cell(const std::string& content, const char* css_class = "");
// value: what the column is sorted by; not finite: at the end, whatever the direction.
std::string number_cell(double value, const std::string& shown, bool is_best = false);
std::string number_cell(const std::optional<double>& value, int decimals, double scale = 1,
                        bool is_best = false);
std::string count_cell(int64_t value);
// A bar behind a number: its share of the largest.
std::string bar_cell(double value, double share, const std::string& shown);
// With the run's colour.
std::string run_cell(const ReportData& report, size_t run);

// A table that the page's script makes sortable, within a box that scrolls by itself. head: <tr>s.
// filter: what its rows can be looked through by, "" for none.
std::string table(const std::string& head, const std::string& rows, const char* filter = "");
std::string details(const std::string& title, const std::string& html);
std::string preformatted(const std::string& text);

// Which colour is which run; empty for one run.
std::string legend(const ReportData& report);

// The runs that are drawn: all, or those of the best evaluations, in their order.
std::vector<size_t> drawn_runs(const ReportData& report, size_t most);
// "Drawn are the 24 best of 300 runs.", or nothing.
std::string left_out_note(const ReportData& report, size_t most);

bool is_alone(const ReportData& report);
// "a: " before what belongs to one of several runs.
std::string prefix_of(const ReportData& report, size_t run);

}  // namespace catamaran
