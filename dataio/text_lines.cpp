#include "dataio/text_lines.h"

#include <cerrno>
#include <cstdio>
#include <streambuf>
#include <utility>

#include "support/error.h"
#include "support/text.h"

namespace catamaran {
TextLines::TextLines(std::filesystem::path path, const std::string& hint)
    : path_(std::move(path)), file_(path_) {
  std::error_code code;
  if (std::filesystem::is_directory(path_, code))
    throw DataError("is a folder, not a file", path_.string(), hint);
  if (!file_) throw DataError(with_errno("cannot open the file", errno), path_.string(), hint);
}

bool TextLines::next(std::string& line) {
  if (!read_line(line)) return false;
  ++number_;
  if (line.size() > kLongestLineBytes)
    throw DataError("the line is longer than " + std::to_string(kLongestLineBytes) + " bytes",
                    where(), "is it a file of text?");
  if (number_ == 1 && line.starts_with(kByteOrderMark)) line.erase(0, kByteOrderMark.size());
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (!is_utf8(line)) {
    throw DataError("the line '" + printable(line.substr(0, 80)) + "' is not UTF-8", where(),
                    "convert the file, for example: iconv -f latin1 -t utf-8 OLD > NEW");
  }
  return true;
}

// std::getline, but for a line without end, which would be held whole.
bool TextLines::read_line(std::string& line) {
  line.clear();
  std::streambuf& from = *file_.rdbuf();
  try {
    for (int c = from.sbumpc(); c != EOF; c = from.sbumpc()) {
      if (c == '\n') return true;
      line += static_cast<char>(c);
      if (line.size() > kLongestLineBytes) return true;
    }
  } catch (const std::ios_base::failure&) {  // of a disk: the stream's own functions hide it
    throw DataError(with_errno("cannot read the file", errno), where(), "check the disk");
  }
  return !line.empty();
}

std::string TextLines::where() const { return path_.string() + " line " + std::to_string(number_); }

}  // namespace catamaran
