#include "support/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "support/error.h"

namespace catamaran {
namespace {

constexpr int kHow = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC;

}  // namespace

AppendFile::AppendFile(std::filesystem::path path, std::string pieces,
                       std::function<double()> clock)
    : path_(std::move(path)),
      pieces_(std::move(pieces)),
      clock_(std::move(clock)),
      folder_(open_folder(path_.has_parent_path() ? path_.parent_path() : ".")),
      file_(::open(path_.c_str(), kHow, kNewFile)) {
  if (!file_)
    throw UsageError(with_errno("cannot write", errno), path_.string(), "check the run directory");
}

int64_t AppendFile::bytes() const { return ::lseek(file_.get(), 0, SEEK_END); }

std::optional<char> AppendFile::last_byte() const {
  char last = 0;
  const int64_t all = bytes();
  if (all <= 0 || ::pread(file_.get(), &last, 1, all - 1) != 1) return std::nullopt;
  return last;
}

std::optional<AppendNews> AppendFile::append(std::string_view piece) {
  const int64_t before = bytes();
  if (write_all(file_, piece.data(), static_cast<int64_t>(piece.size()))) {
    is_torn_ = false;
    return written();
  }
  const int number = errno;
  const bool grew = before < 0 || bytes() != before;
  if (grew && (before < 0 || ::ftruncate(file_.get(), before) != 0)) is_torn_ = true;
  return left_out(number);
}

bool AppendFile::begin_anew() {
  const std::string name = path_.filename().string();
  const std::string aside = name + ".1";
  struct stat mine {};
  struct stat there {};
  if (!folder_ || ::fstat(file_.get(), &mine) != 0 ||
      ::fstatat(folder_.get(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 ||
      mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
    return false;
  if (::renameat(folder_.get(), name.c_str(), folder_.get(), aside.c_str()) != 0) return false;
  FileDescriptor next(::openat(folder_.get(), name.c_str(), kHow, kNewFile));
  if (!next) {
    ::renameat(folder_.get(), aside.c_str(), folder_.get(), name.c_str());
    return false;
  }
  file_ = std::move(next);
  is_torn_ = false;
  return true;
}

std::optional<AppendNews> AppendFile::left_out(int number) {
  ++missing_;
  is_out_ = true;
  if (was_told_) return std::nullopt;
  const double now = clock_();
  if (told_at_ && now - *told_at_ < kSecondsBetweenNews) return std::nullopt;
  told_at_ = now;
  was_told_ = true;
  const bool is_full = number == ENOSPC || number == EDQUOT;
  return AppendNews{.works = false,
                    .text = path_.string() + ": " + with_errno("cannot write", number) + "; " +
                            pieces_ + " are left out until it can be written again" +
                            (is_full ? ": free some space there" : "")};
}

std::optional<AppendNews> AppendFile::written() {
  if (!std::exchange(is_out_, false) || !std::exchange(was_told_, false)) return std::nullopt;
  return AppendNews{.works = true,
                    .text = path_.string() + ": can be written again; " + pieces_ +
                            " left out: " + std::to_string(std::exchange(missing_, 0))};
}

}  // namespace catamaran
