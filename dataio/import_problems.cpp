#include "dataio/import_problems.h"

#include <algorithm>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {

int64_t column_at(std::string_view line, size_t byte) {
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto end = line.begin() + static_cast<std::ptrdiff_t>(std::min(byte, line.size()));
  return std::count_if(line.begin(), end, begins) + 1;
}

std::string text_of(TextPlace place) {
  if (place.line == 0) return "the file";
  if (place.column == 0) return text("line %ld", place.line);
  return text("line %ld, column %ld", place.line, place.column);
}

void ImportProblems::add(TextPlace place, const std::string& what) {
  ++count_;
  if (first_.size() < kProblemsNamed) first_.push_back({place, what});
}

void ImportProblems::throw_if_any(const std::string& hint) const {
  if (count_ == 0) return;
  if (count_ == 1)
    throw DataError(text_of(first_.front().place) + ": " + first_.front().what, file_, hint);
  std::vector<std::string> lines;
  for (const ImportProblem& problem : first_)
    lines.push_back(text_of(problem.place) + ": " + problem.what);
  throw DataError(text("%ld problems:", count_) + first_of(lines, count_) + "\n", file_, hint);
}

}  // namespace catamaran
