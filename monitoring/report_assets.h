// What the report's page is made of besides the runs, linked into the program
// (cmake/ReportPage.cmake): its style and script (monitoring/page/), and plotly.js, compressed by
// gzip.
//
//   page += "<style>" + std::string(report_style()) + "</style>";
//   page += base64(plotly_gzip());                // the page's script unpacks it
//
// Never changes, lives as long as the program. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace catamaran {

std::string_view report_style();
std::string_view report_script();  // the files of monitoring/page in the order in which they run
std::string_view plotly_gzip();
// Of plotly.js itself, 64 lower-case hexadecimal digits.
std::string_view plotly_sha256();
// The licence that plotly.js comes under, in full.
std::string_view plotly_licence();

// "'sha256-BASE64'": a source of a content security policy that lets exactly this script run.
std::string policy_source(std::string_view sha256_hexadecimal);

}  // namespace catamaran
