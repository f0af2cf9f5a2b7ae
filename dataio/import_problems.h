// ImportProblems: everything that is wrong with a label file, told at once: the first fifty with
// line and column, then a count.
//
//   ImportProblems problems("labels.csv");
//   problems.add({.line = 3, .column = 17}, "'dgo' is not in the list of classes");
//   problems.throw_if_any("correct the lines");        // DataError with all of them
//
// Lines and columns count from 1, columns in characters (bytes of UTF-8 that begin one); 0: the
// file as a whole, the line as a whole. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace catamaran {

constexpr size_t kProblemsNamed = 50;

struct TextPlace {
  int64_t line = 0;
  int64_t column = 0;
};

struct ImportProblem {
  TextPlace place;
  std::string what;
};

class ImportProblems {
 public:
  explicit ImportProblems(std::string file) : file_(std::move(file)) {}

  void add(TextPlace place, const std::string& what);
  // Of a kind of which enough have been named: only the count grows.
  void add_unnamed(int64_t count) { count_ += count; }
  int64_t count() const { return count_; }
  const std::vector<ImportProblem>& first() const { return first_; }  // kProblemsNamed at most
  void throw_if_any(const std::string& hint) const;

 private:
  std::string file_;
  std::vector<ImportProblem> first_;
  int64_t count_ = 0;
};

// "line 3, column 17"
std::string text_of(TextPlace place);
// Of the character at a byte of a line.
int64_t column_at(std::string_view line, size_t byte);

}  // namespace catamaran
