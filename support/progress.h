// Progress of anything longer than a few seconds, on stderr: a bar that redraws itself on a
// terminal, a plain line now and then elsewhere (job logs), nothing on ranks other than 0.
//
//   Progress progress("packing", images, "images", enabled);
//   progress.advance(1, "12.3 MB/s");        // from any thread
//
// A line of a terminal is cut to its width, so that it never wraps; the log takes it away before it
// writes a line of its own (support/log.h), and the next draw brings it back. Elsewhere a line
// comes every ten seconds at first and every minute at last: a thirtieth of the time that has
// passed. The destructor ends the bar's line. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "support/clock.h"

namespace catamaran {

// What such a line says.
struct ProgressLine {
  std::string task;
  int64_t done = 0;
  int64_t total = 0;  // 0: not known
  std::string unit;   // what is counted, in the plural
  std::string time;   // "ETA 1:02", "took 4:05"; may be empty
  std::string note;
};
// "training [####....] 120/400 steps (30 %), ETA 0:40, loss 0.1": of at most so many columns, the
// bar as long as there is room for it, and cut at last. columns 0: no bar, whatever the length.
std::string progress_text(const ProgressLine& line, int64_t columns);

// "1:02:03", "4:05": for ETAs.
std::string format_duration(double seconds);

class Progress {
 public:
  // total: 0 where it is not known; unit: what is counted, in the plural ("images"). enabled =
  // false prints nothing. first_seconds: nothing is drawn before; negative: at once on a terminal,
  // after ten seconds elsewhere.
  Progress(std::string task, int64_t total, std::string unit, bool enabled = true,
           double first_seconds = -1);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  void advance(int64_t count, const std::string& note = "");
  // For progress that is known as a position (a resumed run starts above 0; its ETA counts from
  // there).
  void set(int64_t done, const std::string& note = "");

 private:
  void draw(bool last);
  std::string time_text(double now, bool last) const;

  std::mutex mutex_;
  std::string task_;
  std::string unit_;
  std::string note_;
  int64_t total_;
  int64_t done_ = 0;
  int64_t first_ = -1;
  bool enabled_;
  bool terminal_;
  bool drawn_ = false;
  Stopwatch since_start_;
  double next_draw_seconds_ = 0;
};

}  // namespace catamaran
