// ImageInputs: what a user names on a command line, as a stream of picture files: files, folders
// (every *.jpg and *.jpeg in it and below, whatever the case, sorted), patterns ("photos/*.jpg")
// and
// "-" (a list on standard input, one path a line).
//
//   ImageInputs inputs({"a.jpg", "photos/", "-"});
//   while (std::optional<std::string> path = inputs.next(stop)) ...
//
// Folders and patterns are looked at in the constructor, so that a wrong one is said before a model
// is loaded; the list on standard input is read only as next() is called, and its end may never
// come. A name that is a file is that file, even with a "*" in it; one that is nothing is handed
// out as a file, for whoever opens it to say so. Folders are followed through links, each folder
// once. Errors: DataError for an empty name, a folder without pictures, a pattern that fits
// nothing. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace catamaran {

class ImageInputs {
 public:
  // list: the descriptor behind "-".
  explicit ImageInputs(const std::vector<std::string>& given, int list = 0);

  // nullopt at the end, or when a stop is asked for while the list has nothing to read.
  std::optional<std::string> next(const std::stop_token& stop);
  // Pictures there are; nullopt where a list on standard input may bring more.
  std::optional<int64_t> count() const { return count_; }

 private:
  std::optional<std::string> next_line(const std::stop_token& stop);

  std::deque<std::string> paths_;  // "" stands for the list
  std::optional<int64_t> count_;
  int list_;
  bool list_ended_ = false;
  std::string read_;   // of the list, not handed out yet
  int64_t lines_ = 0;  // of the list, handed out
};

// "a.jpg", "A.JPEG": by its name alone.
bool has_jpeg_name(const std::string& path);

}  // namespace catamaran
