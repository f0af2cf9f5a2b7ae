// Stopwatch on the steady clock, and wall-clock seconds for timestamps. Deadlines and durations
// always use the steady clock, so a jump of the system's time cannot end a run. Thread-safe: the
// functions; one thread at a time: a Stopwatch.
#pragma once

#include <array>
#include <chrono>
#include <ctime>
#include <string>
#include <utility>

namespace catamaran {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  // Seconds since the last lap (or the start), and starts the next.
  double lap() {
    const Clock::time_point now = Clock::now();
    return std::chrono::duration<double>(now - std::exchange(start_, now)).count();
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

// Of the steady clock, from a start that is the same for all processes of a machine.
inline double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Seconds since 1970, with fractions.
inline double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// "2026-11-25 02:49 UTC"; "" for a time that no calendar has.
inline std::string utc_text(double unix_seconds) {
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm utc{};
  if (::gmtime_r(&seconds, &utc) == nullptr) return "";
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc);
  return {text.data(), length};
}

}  // namespace catamaran
