// StopSignals: USR1, TERM and INT become a wish to stop, read at the end of each step; nothing is
// done in the handler. A second INT ends the process at once, without a checkpoint.
//
//   StopSignals signals;                      // handlers are restored when it goes out of scope
//   request.stop_wish = &signals.wish();
//
// One per process at a time; constructed by the thread that runs the step loop. Thread-safe:
// wish(), terminated(), count().
#pragma once

#include <array>
#include <atomic>
#include <csignal>
#include <cstdint>

namespace catamaran {

class StopSignals {
 public:
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals();

  const std::atomic<bool>& wish() const;
  // TERM came: the launcher's, which kills soon after, or somebody's wish to stop.
  const std::atomic<bool>& terminated() const;
  // So many came, of any kind.
  const std::atomic<int64_t>& count() const;

 private:
  std::array<struct sigaction, 3> before_{};
};

}  // namespace catamaran
