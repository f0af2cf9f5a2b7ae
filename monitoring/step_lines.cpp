#include "monitoring/step_lines.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/log.h"

namespace catamaran {
namespace {

using nlohmann::json;

// The highest step that was dropped; 0: none was.
int64_t drop_lines_from(const std::filesystem::path& path, int64_t first_step,
                        const std::function<void(const json& line)>& tell_kept) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return 0;
  int64_t newest_dropped = 0;
  AtomicFile kept(path, ErrorKind::kUsage);
  for_each_step_line(path, [&](const std::string& text, const json& line) {
    const auto step = line.at("step").get<int64_t>();
    if (step >= first_step) {
      newest_dropped = std::max(newest_dropped, step);
      return;
    }
    kept.write(text.data(), static_cast<int64_t>(text.size()));
    kept.write("\n", 1);
    if (tell_kept) tell_kept(line);
  });
  kept.commit();
  return newest_dropped;
}

}  // namespace

StepLines::StepLines(const std::filesystem::path& path, int64_t first_step,
                     const std::function<void(const json& line)>& kept)
    : newest_dropped_(drop_lines_from(path, first_step, kept)), file_(path) {}

void StepLines::append(const nlohmann::ordered_json& line) {
  const std::optional<LineFileNews> news = file_.append(line.dump());
  if (!news) return;
  if (news->works) {
    log::info(news->text);
  } else {
    log::warn(news->text);
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
    if (line.is_discarded()) continue;  // a kill or a full disk tore it
    try {
      visit(text, line);
    } catch (const json::exception&) {
      throw UsageError("this line is no step of a run",
                       path.string() + ":" + std::to_string(number),
                       "delete the line if the file was edited or damaged");
    }
  }
}

}  // namespace catamaran
