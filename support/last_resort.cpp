#include "support/last_resort.h"

#include <unistd.h>

#include <chrono>
#include <utility>

namespace catamaran {

LastResort::LastResort(double seconds, int exit_code, const std::string& sentence)
    : LastResort(seconds, [exit_code, line = "catamaran: error: " + sentence + "\n"] {
        (void)!::write(STDERR_FILENO, line.data(), line.size());
        return exit_code;
      }) {}

LastResort::LastResort(double seconds, std::function<int()> last_words)
    : thread_([this, seconds, last_words = std::move(last_words)] {
        std::unique_lock lock(mutex_);
        if (over_.wait_for(lock, std::chrono::duration<double>(seconds),
                           [this] { return in_time_; }))
          return;
        ::_exit(last_words());
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
