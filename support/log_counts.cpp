// As support/log.cpp: spdlog is included where LibTorch is not.
#include "support/log_counts.h"

#include <spdlog/sinks/sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <string>
#include <vector>

namespace catamaran {

class LogCounts::Sink : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& line) override {
    if (line.level == spdlog::level::warn) ++warnings;
    if (line.level >= spdlog::level::err) ++errors;
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  std::atomic<int64_t> warnings = 0;
  std::atomic<int64_t> errors = 0;
};

LogCounts::LogCounts() : sink_(std::make_shared<Sink>()) {
  spdlog::default_logger_raw()->sinks().push_back(sink_);
}

LogCounts::~LogCounts() { std::erase(spdlog::default_logger_raw()->sinks(), sink_); }

int64_t LogCounts::warnings() const { return sink_->warnings; }
int64_t LogCounts::errors() const { return sink_->errors; }

}  // namespace catamaran
