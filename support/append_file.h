// AppendFile: a file that is appended piece by piece and outlives storage that takes no more for a
// while (full, over its quota, broken): a piece that cannot be written is left out as a whole.
//
//   AppendFile file(run_dir / "tensorboard/events.out.tfevents.1", "events");
//   if (const std::optional<AppendNews> news = file.append(record)) log::warn(news->text);
//
// What was written of a piece before an error is taken back; where that fails, too, is_torn says
// so. News is of the first piece that is left out and of the first that is written after that, at
// most once in kSecondsBetweenNews. The file stays this one where its folder is moved. Errors:
// UsageError where the file cannot be opened. One thread at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "support/clock.h"
#include "support/file_descriptor.h"

namespace catamaran {

struct AppendNews {
  bool works = false;  // again
  std::string text;    // a sentence that names the file
};

class AppendFile {
 public:
  static constexpr double kSecondsBetweenNews = 60;

  // pieces: what they are called, in the plural; clock: steady seconds.
  AppendFile(std::filesystem::path path, std::string pieces,
             std::function<double()> clock = steady_seconds);
  std::optional<AppendNews> append(std::string_view piece);

  bool took_last() const { return !is_out_; }  // the newest piece was written
  bool is_torn() const { return is_torn_; }    // since it was opened: a part of a piece ends it
  int64_t bytes() const;
  std::optional<char> last_byte() const;  // none of an empty file
  // Goes on in a new file at the path; what is there is called NAME.1 from now on, in place of what
  // was called so. False where that cannot be done, or another file stands at the path: nothing has
  // changed.
  bool begin_anew();

 private:
  std::optional<AppendNews> left_out(int number);
  std::optional<AppendNews> written();

  std::filesystem::path path_;
  std::string pieces_;
  std::function<double()> clock_;
  FileDescriptor folder_;  // of path_, wherever it is moved to
  FileDescriptor file_;
  bool is_torn_ = false;
  bool is_out_ = false;            // the newest piece could not be written
  bool was_told_ = false;          // of that
  std::optional<double> told_at_;  // steady seconds
  int64_t missing_ = 0;            // pieces, since news was last told
};

}  // namespace catamaran
