#include "support/lock_holder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "support/clock.h"
#include "support/file_beginning.h"
#include "support/file_descriptor.h"
#include "support/heartbeat_lock.h"
#include "support/host_name.h"
#include "support/process_state.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLongestText = 255;  // bytes
constexpr const char* kHost = "host ";
constexpr const char* kProcess = ", process ";

// What flock says of a lock that others may have, from this host.
enum class Flock { kFree, kHeld, kUnknown };

Flock ask_flock(const FileDescriptor& file) {
  int code = 0;
  do {
    code = ::flock(file.get(), LOCK_SH | LOCK_NB);
  } while (code != 0 && errno == EINTR);
  if (code == 0) {
    ::flock(file.get(), LOCK_UN);
    return Flock::kFree;
  }
  return errno == EWOULDBLOCK ? Flock::kHeld : Flock::kUnknown;
}

std::string without_line_end(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// By what was seen of it last.
bool is_alive(const std::string& holder, double seconds_ago) {
  const double beats =
      is_dead_holder(holder) ? HeartbeatLock::kMissedBeatsOfDead : HeartbeatLock::kMissedBeats;
  const double skew = is_dead_holder(holder) ? 0 : LockLook::kClockSkewSeconds;
  return seconds_ago <= beats * HeartbeatLock::kBeatSeconds + skew;
}

}  // namespace

std::string lock_signature() {
  return kHost + host_name() + kProcess + std::to_string(::getpid()) + ", since " +
         utc_text(unix_seconds()) + "\n";
}

std::optional<LockHolder> lock_holder(const std::string& text) {
  const std::string begin = kHost;
  const std::string between = kProcess;
  const size_t at = text.find(between);
  if (!text.starts_with(begin) || at == std::string::npos || at < begin.size()) return std::nullopt;
  LockHolder holder{.host = text.substr(begin.size(), at - begin.size())};
  const auto [end, code] =
      std::from_chars(text.data() + at + between.size(), text.data() + text.size(), holder.process);
  if (code != std::errc() || holder.process <= 0) return std::nullopt;
  return holder;
}

std::string holder_of_lock(const fs::path& lock) {
  const FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_CLOEXEC));
  const std::string holder = without_line_end(beginning_of(file, kLongestText));
  return holder.empty() ? "another process" : holder;
}

bool is_dead_holder(const std::string& text) {
  const std::optional<LockHolder> holder = lock_holder(text);
  return holder && holder->host == host_name() &&
         process_state(holder->process) == ProcessState::kGone;
}

LockLook look_at_lock(const fs::path& lock, double now, double other_signs) {
  LockLook look;
  const FileDescriptor file(::open(lock.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return look;
  look.exists = true;
  look.holder = without_line_end(beginning_of(file, kLongestText));
  look.renewed_unix_seconds = static_cast<double>(status.st_mtim.tv_sec) +
                              1e-9 * static_cast<double>(status.st_mtim.tv_nsec);
  const Flock said = ask_flock(file);
  const std::optional<LockHolder> holder = lock_holder(look.holder);
  const bool is_elsewhere = holder && holder->host != host_name();
  const double seen = std::max(look.renewed_unix_seconds, is_elsewhere ? other_signs : 0);
  look.is_held = said == Flock::kHeld || ((said == Flock::kUnknown || is_elsewhere) && holder &&
                                          is_alive(look.holder, now - seen));
  return look;
}

}  // namespace catamaran
