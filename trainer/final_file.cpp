#include "trainer/final_file.h"

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include "support/atomic_file.h"
#include "support/clock.h"

namespace catamaran {
namespace {

constexpr std::chrono::seconds kLongestWait{1};

}  // namespace

FinalFile::FinalFile(std::shared_ptr<const RunDirectory> directory, std::string run)
    : directory_(std::move(directory)), run_(std::move(run)) {
  std::error_code code;
  if (directory_->hold() == RunHold::kHeld) std::filesystem::remove(path(), code);
}

void FinalFile::follow(std::shared_ptr<const Metrics> metrics) {
  const std::lock_guard lock(mutex_);
  metrics_ = std::move(metrics);
}

void FinalFile::write(RunEnd end) noexcept {
  try {
    const std::unique_lock lock(mutex_, kLongestWait);
    if (!lock || directory_->hold() != RunHold::kHeld) return;
    end.run = run_;
    end.unix_seconds = unix_seconds();
    if (metrics_) end.numbers = metrics_->numbers();
    write_file_atomically(path(), final_page(end), ErrorKind::kInternal, Parents::kMustBeThere);
  } catch (const std::exception&) {  // how the run ended stands elsewhere, too
  }
}

}  // namespace catamaran
