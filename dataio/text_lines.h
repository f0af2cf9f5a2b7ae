// TextLines: the lines of a label file that somebody else wrote, as UTF-8: a byte-order mark at the
// start and the CR of CR-LF are taken off, a line in another encoding is refused by its number, as
// is one longer than kLongestLineBytes.
//
//   TextLines lines(source.classes, "check --classes");
//   for (std::string line; lines.next(line);)
//     if (line.empty()) throw DataError("an empty line", lines.where(), "");
//
// Errors: DataError naming the file and the line; the hint is for a file that cannot be opened. One
// thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace catamaran {

inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";  // some editors' UTF-8
inline constexpr size_t kLongestLineBytes = size_t{16} << 20;

class TextLines {
 public:
  TextLines(std::filesystem::path path, const std::string& hint);

  // False after the last line.
  bool next(std::string& line);
  int64_t number() const { return number_; }  // of the newest line, from 1
  std::string where() const;                  // "FILE line 3"

 private:
  bool read_line(std::string& line);

  std::filesystem::path path_;
  std::ifstream file_;
  int64_t number_ = 0;
};

}  // namespace catamaran
