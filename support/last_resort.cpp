#include "support/last_resort.h"

#include <unistd.h>

#include <chrono>

namespace catamaran {

LastResort::LastResort(double seconds, int exit_code, const std::string& sentence)
    : thread_([this, seconds, exit_code, line = "catamaran: error: " + sentence + "\n"] {
        std::unique_lock lock(mutex_);
        if (over_.wait_for(lock, std::chrono::duration<double>(seconds),
                           [this] { return in_time_; }))
          return;
        (void)!::write(STDERR_FILENO, line.data(), line.size());
        ::_exit(exit_code);
      }) {}

LastResort::~LastResort() {
  {
    const std::lock_guard lock(mutex_);
    in_time_ = true;
  }
  over_.notify_all();
  thread_.join();
}

}  // namespace catamaran
