// HeartbeatLock: a lock for file systems without flock: a file that one process alone can create
// (O_EXCL), whose time of change its holder renews every few seconds, and deletes in the end.
//
//   const auto lock = HeartbeatLock::try_take(path, "host n1, process 4711", is_dead, kind);
//   if (!lock) ...                                               // another process holds it
//
// It is taken over after kMissedBeats heartbeats that did not come, or after kMissedBeatsOfDead
// where its holder is dead, as is_dead says of the file's text: containers may share a host's name
// and not its process numbers, so that one that beats is alive whatever is_dead says. Its age is
// told by the file system's own clock, from a file that is written beside it, so clocks of hosts do
// not matter. The stale file is moved to a name that nobody else has, and the lock is created as if
// there had been none: of those that take it over at once one has it in the end, as the others find
// nothing to move, or another file than the one they found stale, which they put back. Whoever has
// created the file waits for kSettleSeconds, and has the lock where it is still there; where
// nothing is there it may be on its way back, and is looked for kLooks times.
//
// What remains possible: who stands still between look and move (storage, a stopped process) for
// longer than kSettleSeconds moves away the lock of one that has begun its work, and who asks
// before it is put back, a moment later, has the lock, too. And a holder that stood still for
// kMissedBeats has lost it. So a holder asks is_held before it writes what matters. Errors: Error
// of the kind given. Thread-safe: is_held; a thread of its own renews the file.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "support/error.h"
#include "support/file_beat.h"
#include "support/file_descriptor.h"

namespace catamaran {

class HeartbeatLock {
 public:
  static constexpr double kBeatSeconds = 4;
  static constexpr double kMissedBeats = 3;
  static constexpr double kMissedBeatsOfDead = 1.5;  // one, and half the time of another to be late
  static constexpr double kSettleSeconds = 0.5;
  static constexpr int kLooks = 3;
  static constexpr std::chrono::seconds kQuiet{8};  // of kMissedBeats, until the first one missed
  using IsDead = std::function<bool(const std::string& text)>;

  // nullptr: held by another process. text: what the file says, of its holder.
  static std::unique_ptr<HeartbeatLock> try_take(const std::filesystem::path& path,
                                                 const std::string& text, const IsDead& is_dead,
                                                 ErrorKind kind,
                                                 double beat_seconds = kBeatSeconds);
  HeartbeatLock(const HeartbeatLock&) = delete;
  HeartbeatLock& operator=(const HeartbeatLock&) = delete;
  ~HeartbeatLock();

  // The file at the path is still this one's (support/file_lock.h): nobody has taken it over.
  bool is_held() const;
  // kQuiet ago by the file system's clock: a holder before this one that has died wrote nothing
  // since, as its next beat did not come.
  std::filesystem::file_time_type quiet_since(ErrorKind kind) const;

 private:
  HeartbeatLock(std::filesystem::path path, FileDescriptor file, double beat_seconds);

  std::filesystem::path path_;
  FileDescriptor file_;
  std::optional<FileBeat> beat_;
};

}  // namespace catamaran
