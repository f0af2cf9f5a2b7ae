#include "dataio/import_problems.h"

#include "support/error.h"
#include "support/text.h"

namespace catamaran {

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
  std::string all = text("%ld problems:", count_);
  for (const ImportProblem& problem : first_)
    all += "\n  " + text_of(problem.place) + ": " + problem.what;
  const auto rest = count_ - static_cast<int64_t>(first_.size());
  if (rest > 0) all += text("\n  ... and %ld more", rest);
  throw DataError(all + "\n", file_, hint);
}

}  // namespace catamaran
