#include "launch/signals.h"

#include <unistd.h>

namespace catamaran {
namespace {

constexpr std::array<int, 3> kSignals = {SIGUSR1, SIGTERM, SIGINT};

// A signal handler can reach nothing but what lives for ever.
std::atomic<bool> stop_wished{false};
std::atomic<bool> term_came{false};
std::atomic<int> interrupts{0};
std::atomic<int64_t> signals_so_far{0};

extern "C" void on_signal(int number) {
  stop_wished.store(true);
  signals_so_far.fetch_add(1);
  if (number == SIGTERM) term_came.store(true);
  if (number == SIGINT && interrupts.fetch_add(1) > 0) ::_exit(130);
}

}  // namespace

StopSignals::StopSignals() {
  stop_wished.store(false);
  term_came.store(false);
  interrupts.store(0);
  signals_so_far.store(0);
  for (size_t s = 0; s < kSignals.size(); ++s) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(kSignals[s], &action, &before_[s]);
  }
}

StopSignals::~StopSignals() {
  for (size_t s = 0; s < kSignals.size(); ++s) ::sigaction(kSignals[s], &before_[s], nullptr);
}

const std::atomic<bool>& StopSignals::wish() const { return stop_wished; }
const std::atomic<bool>& StopSignals::terminated() const { return term_came; }
const std::atomic<int64_t>& StopSignals::count() const { return signals_so_far; }

}  // namespace catamaran
