#include "dataio/csv_reader.h"

#include <algorithm>

namespace catamaran {

CsvReader::CsvReader(const std::filesystem::path& path) : lines_(path, "check --manifest") {}

bool CsvReader::next(std::vector<CsvCell>& record) {
  record.clear();
  do {
    if (!lines_.next(line_)) return false;
  } while (line_.empty());
  for (size_t at = 0;; ++at) {
    record.push_back(read_cell(at));
    if (at == line_.size()) return true;
  }
}

// Leaves `at` behind the cell: at a comma or at the line's end.
CsvCell CsvReader::read_cell(size_t& at) {
  if (at < line_.size() && line_[at] == '"') return read_quoted(at);
  const size_t end = std::min(line_.find(',', at), line_.size());
  CsvCell cell{.text = line_.substr(at, end - at), .place = place_of(at)};
  if (const size_t quote = cell.text.find('"'); quote != std::string::npos)
    refuse("a quote inside a cell that is not quoted", place_of(at + quote));
  at = end;
  return cell;
}

CsvCell CsvReader::read_quoted(size_t& at) {
  CsvCell cell{.text = "", .place = place_of(at)};
  ++at;
  while (true) {
    const size_t quote = line_.find('"', at);
    if (quote == std::string::npos) {  // the cell goes on in the next line
      cell.text += line_.substr(at) + "\n";
      if (cell.text.size() > kLongestLineBytes) refuse("the quote is not closed", cell.place);
      at = 0;
      if (!lines_.next(line_)) refuse("the quote is not closed", cell.place);
      continue;
    }
    cell.text += line_.substr(at, quote - at);
    at = quote + 1;
    if (at == line_.size() || line_[at] == ',') return cell;
    if (line_[at] != '"') refuse("text behind a closing quote", place_of(at));
    cell.text += '"';
    ++at;
  }
}

// Counts on from the place asked for before: lines may have many cells.
TextPlace CsvReader::place_of(size_t at) {
  if (counted_line_ != lines_.number() || at < counted_to_) {
    counted_line_ = lines_.number();
    counted_to_ = 0;
    column_ = 1;
  }
  const std::string_view rest = std::string_view(line_).substr(counted_to_);
  column_ += column_at(rest, at - counted_to_) - 1;
  counted_to_ = at;
  return {.line = counted_line_, .column = column_};
}

void CsvReader::refuse(const std::string& what, TextPlace place) { throw CsvProblem{place, what}; }

}  // namespace catamaran
