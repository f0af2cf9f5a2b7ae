// The page that a test asks for, and what can be looked for in it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "fake_run.h"
#include "monitoring/html_report.h"

namespace catamaran {

inline int64_t count_of(const std::string& text, const std::string& part) {
  int64_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// Without what is no markup: scripts, data, style.
inline std::string markup_of(std::string page) {
  for (const char* element : {"script", "style"}) {
    const std::string open = "<" + std::string(element), close = "</" + std::string(element) + ">";
    for (size_t at = page.find(open); at != std::string::npos; at = page.find(open, at))
      page.erase(at, page.find(close, at) + close.size() - at);
  }
  return page;
}

// Tags that close without having been opened, or stay open. Works because text and attributes are
// escaped, which it thereby tests as well.
inline std::vector<std::string> unbalanced_tags(const std::string& whole_page) {
  const std::set<std::string> never_closed = {"meta", "img", "br", "!DOCTYPE"};
  const std::string page = markup_of(whole_page);
  std::vector<std::string> open, wrong;
  for (size_t at = page.find('<'); at != std::string::npos; at = page.find('<', at + 1)) {
    const size_t end = page.find('>', at);
    const std::string tag = page.substr(at + 1, end - at - 1);
    const bool closes = tag.front() == '/';
    const size_t from = closes ? 1 : 0;
    const std::string name = tag.substr(from, tag.find_first_of(" /", from) - from);
    if (tag.back() == '/' || never_closed.contains(name)) continue;
    if (!closes) {
      open.push_back(name);
    } else if (!open.empty() && open.back() == name) {
      open.pop_back();
    } else {
      wrong.push_back("</" + name + ">");
    }
  }
  wrong.insert(wrong.end(), open.begin(), open.end());
  return wrong;
}

inline nlohmann::json charts_of(const std::string& page) {
  const std::string before = "id=\"report-data\">";
  const size_t begin = page.find(before) + before.size();
  return nlohmann::json::parse(page.substr(begin, page.find("</script>", begin) - begin))["charts"];
}

inline nlohmann::json chart_named(const std::string& page, const std::string& title) {
  for (const nlohmann::json& chart : charts_of(page)) {
    if (chart.value("title", "") == title) return chart;
  }
  ADD_FAILURE() << "no chart is called " << title;
  return {};
}

class ReportPage : public ::testing::Test {
 protected:
  std::filesystem::path run(const std::string& name) const { return folder_.path() / name; }
  std::string page_of(const std::vector<std::filesystem::path>& runs,
                      const ReportOptions& options = {}) const {
    const auto out = folder_.path() / "report.html";
    write_html_report(runs, out, options);
    return read_text(out);
  }

  TemporaryDirectory folder_;
};

}  // namespace catamaran
