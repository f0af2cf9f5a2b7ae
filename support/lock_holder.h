// Who holds a lock file, and whether anybody does: what its text says, and what can be seen of it
// without taking it.
//
//   lock_signature()   // the text of a lock: "host n1, process 4711, since 2026-11-25 02:49 UTC"
//   const LockLook look = look_at_lock(run / "lock", unix_seconds());
//   if (look.is_held) ...   // look.holder: "host n1, process 4711, since ..."
//
// flock's lock is asked for as a shared one, for a moment: others who look do not see that, and a
// job that starts at that moment tries again. A holder renews the file's time of change
// (HeartbeatLock::kBeatSeconds), with flock too: of a holder on another host, where locks may not
// be seen from here, a file that was renewed lately tells that it lives. Clocks of hosts may differ
// by kClockSkewSeconds. Writes nothing. Errors: none, what cannot be read is not held. Thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace catamaran {

// This process's, for the text of a lock; ends with an end of line.
std::string lock_signature();

struct LockHolder {
  std::string host;
  int64_t process = 0;
};
// Of such a text; none of another one.
std::optional<LockHolder> lock_holder(const std::string& text);

// "host n1, process 4711, since 2026-11-25 02:49 UTC", or "another process" where it does not say.
std::string holder_of_lock(const std::filesystem::path& lock);
// The text names this host, and no process has the number: its job cannot have the lock any more,
// unless it is of another container that shares this host's name.
bool is_dead_holder(const std::string& text);

struct LockLook {
  static constexpr double kClockSkewSeconds = 30;

  bool exists = false;
  bool is_held = false;
  std::string holder;               // its text, without the end of line
  double renewed_unix_seconds = 0;  // newest sign of life of its holder, or when it was made
};
// now: unix_seconds(). other_signs: an unix time at which what the holder writes besides was
// changed last; 0: nothing is known.
LockLook look_at_lock(const std::filesystem::path& lock, double now, double other_signs = 0);

}  // namespace catamaran
