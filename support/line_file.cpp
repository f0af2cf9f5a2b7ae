#include "support/line_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "support/error.h"

namespace catamaran {
namespace {

bool ends_within_a_line(const FileDescriptor& file) {
  const off_t bytes = ::lseek(file.get(), 0, SEEK_END);
  char last = '\n';
  return bytes > 0 && ::pread(file.get(), &last, 1, bytes - 1) == 1 && last != '\n';
}

}  // namespace

LineFile::LineFile(std::filesystem::path path, std::function<double()> clock)
    : path_(std::move(path)),
      clock_(std::move(clock)),
      file_(::open(path_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, kNewFile)) {
  if (!file_)
    throw UsageError(with_errno("cannot write", errno), path_.string(), "check the run directory");
  is_torn_ = ends_within_a_line(file_);
}

std::optional<LineFileNews> LineFile::append(const std::string& line) {
  const std::string whole = (is_torn_ ? "\n" : "") + line + "\n";
  const off_t before = ::lseek(file_.get(), 0, SEEK_END);
  if (write_all(file_, whole.data(), static_cast<int64_t>(whole.size()))) {
    is_torn_ = false;
    return written();
  }
  const int number = errno;
  const bool grew = before < 0 || ::lseek(file_.get(), 0, SEEK_END) != before;
  if (grew && (before < 0 || ::ftruncate(file_.get(), before) != 0)) is_torn_ = true;
  return left_out(number);
}

std::optional<LineFileNews> LineFile::left_out(int number) {
  ++missing_;
  is_out_ = true;
  if (was_told_) return std::nullopt;
  const double now = clock_();
  if (told_at_ && now - *told_at_ < kSecondsBetweenNews) return std::nullopt;
  told_at_ = now;
  was_told_ = true;
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return LineFileNews{.works = false,
                      .text = path_.string() + ": " + with_errno("cannot write", number) +
                              "; lines are left out until it can be written again" +
                              (is_full ? ": free some space there" : "")};
}

std::optional<LineFileNews> LineFile::written() {
  if (!std::exchange(is_out_, false) || !std::exchange(was_told_, false)) return std::nullopt;
  return LineFileNews{.works = true,
                      .text = path_.string() + ": can be written again; lines left out: " +
                              std::to_string(std::exchange(missing_, 0))};
}

}  // namespace catamaran
