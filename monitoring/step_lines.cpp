#include "monitoring/step_lines.h"

#include <cerrno>
#include <fstream>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"

namespace catamaran {
namespace {

using nlohmann::json;

void drop_lines_from(const std::filesystem::path& path, int64_t first_step) {
  AtomicFile kept(path, ErrorKind::kUsage);
  for_each_step_line(path, [&](const std::string& text, const json& line) {
    if (line.at("step").get<int64_t>() >= first_step) return;
    kept.write(text.data(), static_cast<int64_t>(text.size()));
    kept.write("\n", 1);
  });
  kept.commit();
}

}  // namespace

StepLines::StepLines(std::filesystem::path path, int64_t first_step) : path_(std::move(path)) {
  std::error_code code;
  if (std::filesystem::exists(path_, code)) drop_lines_from(path_, first_step);
  file_ = StdioFile(std::fopen(path_.c_str(), "ae"));
  if (!file_)
    throw UsageError(with_errno("cannot write", errno), path_.string(), "check the run directory");
}

void StepLines::append(const nlohmann::ordered_json& line) {
  const std::string text = line.dump() + "\n";
  if (std::fputs(text.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) {
    throw UsageError(with_errno("cannot write", errno), path_.string(),
                     "free some space there and resume");
  }
}

void for_each_step_line(
    const std::filesystem::path& path,
    const std::function<void(const std::string& text, const json& line)>& visit) {
  std::ifstream file(path);
  if (!file) {
    throw UsageError(with_errno("cannot read the run's log", errno), path.string(),
                     "name a run directory of `catamaran train`");
  }
  int64_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    const json line = json::parse(text, nullptr, /*allow_exceptions=*/false);
    try {
      visit(text, line);
    } catch (const json::exception&) {
      const bool torn = file.eof();  // a kill came between the line's start and its end
      if (torn) break;
      throw UsageError("this line is no step of a run",
                       path.string() + ":" + std::to_string(number),
                       "delete the line if the file was edited or damaged");
    }
  }
}

}  // namespace catamaran
