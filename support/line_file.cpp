#include "support/line_file.h"

namespace catamaran {
namespace {

constexpr const char* kPieces = "lines";

bool ends_within_a_line(const AppendFile& file) { return file.last_byte().value_or('\n') != '\n'; }

}  // namespace

LineFile::LineFile(const std::filesystem::path& path, const std::function<double()>& clock)
    : file_(path, kPieces, clock), is_torn_(ends_within_a_line(file_)) {}

LineFile::LineFile(const std::filesystem::path& path, LineFileBound bound)
    : file_(path, kPieces), is_torn_(ends_within_a_line(file_)), bound_(bound) {}

std::optional<LineFileNews> LineFile::append(const std::string& line) {
  const auto bytes = static_cast<int64_t>(line.size()) + 1;
  if (bound_.largest_bytes > 0 && file_.bytes() > 0 &&
      file_.bytes() + bytes > bound_.largest_bytes / 2 && file_.begin_anew())
    is_torn_ = false;
  std::optional<LineFileNews> news = file_.append((is_torn_ ? "\n" : "") + line + "\n");
  is_torn_ = file_.took_last() ? false : is_torn_ || file_.is_torn();
  return news;
}

}  // namespace catamaran
