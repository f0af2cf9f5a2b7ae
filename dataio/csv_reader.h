// CsvReader: records of a CSV file as RFC 4180 has it: cells between commas, quoted where they hold
// commas, quotes (doubled) or line ends; CR-LF or LF, UTF-8, a byte-order mark does no harm.
//
//   CsvReader csv("labels.csv");
//   for (std::vector<CsvCell> record; csv.next(record);) ...
//
// Lines without a character are left out. Errors: CsvProblem, with line and column, for a quote
// that is not closed, or one inside a cell that is not quoted; next() goes on with the line behind
// it. DataError for a file that cannot be read. One thread at a time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "dataio/import_problems.h"
#include "dataio/text_lines.h"

namespace catamaran {

struct CsvCell {
  std::string text;
  TextPlace place;
};

struct CsvProblem {
  TextPlace place;
  std::string what;
};

class CsvReader {
 public:
  explicit CsvReader(const std::filesystem::path& path);

  // False at the end.
  bool next(std::vector<CsvCell>& record);

 private:
  CsvCell read_cell(size_t& at);
  CsvCell read_quoted(size_t& at);
  TextPlace place_of(size_t at);
  [[noreturn]] static void refuse(const std::string& what, TextPlace place);

  TextLines lines_;
  std::string line_;
  // Up to where columns are counted.
  int64_t counted_line_ = 0;
  size_t counted_to_ = 0;
  int64_t column_ = 1;
};

}  // namespace catamaran
