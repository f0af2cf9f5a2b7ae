// A call that may never return, as of a driver or of storage that is sick, given so many seconds.
//
//   const std::optional<StorageFacts> facts =
//       call_within<StorageFacts>(20, [folder] { return probe_storage(folder); });
//   if (!facts) ...                                 // it has not come back
//
// The work runs on a thread of its own, which is left behind where it does not come back: so it
// must own all that it touches (capture by value), and the process should end by _exit once one was
// left. Errors: what the work throws; std::system_error where there is no thread to be had.
// Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace catamaran {

template <typename Result>
std::optional<Result> call_within(double seconds, std::function<Result()> work) {
  std::packaged_task<Result()> task(std::move(work));
  std::future<Result> result = task.get_future();
  std::thread(std::move(task)).detach();
  if (result.wait_for(std::chrono::duration<double>(seconds)) != std::future_status::ready)
    return std::nullopt;
  return result.get();
}

}  // namespace catamaran
