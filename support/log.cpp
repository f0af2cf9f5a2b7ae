// spdlog stays in this file: LibTorch ships another version of its formatting library.
#include "support/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "support/clock.h"
#include "support/line_file.h"
#include "support/terminal.h"

namespace catamaran {

void configure_log(int rank, int world) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  sink->set_level(rank == 0 ? spdlog::level::info : spdlog::level::warn);
  auto logger = std::make_shared<spdlog::logger>("catamaran", std::move(sink));
  const std::string who = world > 1 ? "rank " + std::to_string(rank) + " " : "";
  // A progress line may stand where this one begins.
  const std::string begin = error_terminal() ? "\r\x1b[K" : "";
  logger->set_pattern(begin + "%H:%M:%S " + who + "%l: %v");
  logger->set_level(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

class LogFile::Sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  Sink(const std::filesystem::path& path, int rank)
      : rank_(rank),
        file_(path,
              LineFileBound{.largest_bytes = rank == 0 ? kLargestBytes : kLargestBytesOfOthers}) {}
  // What does not come by way of the logger, which holds the mutex meanwhile.
  void record(const Error& error) {
    const std::lock_guard lock(mutex_);
    write("error", error.what(), kind_name(error.kind()));
  }

 private:
  // kind: of the error that ends this start; empty: of another line.
  void write(const std::string& level, const std::string& message, const std::string& kind = "") {
    nlohmann::ordered_json line = {{"time", unix_seconds()},
                                   {"level", level},
                                   {"rank", rank_},
                                   {"message", printable(message)}};
    if (!kind.empty()) line["kind"] = kind;
    if (const std::optional<LineFileNews> news = file_.append(line.dump())) say_elsewhere(*news);
  }
  void sink_it_(const spdlog::details::log_msg& line) override {
    const spdlog::string_view_t level = spdlog::level::to_string_view(line.level);
    write(std::string(level.data(), level.size()),
          std::string(line.payload.data(), line.payload.size()));
  }
  void flush_() override {}  // each line is the kernel's at once
  // On stderr, the logger's first sink; this one cannot say it of itself.
  static void say_elsewhere(const LineFileNews& news) {
    const spdlog::level::level_enum level = news.works ? spdlog::level::info : spdlog::level::warn;
    spdlog::default_logger_raw()->sinks().front()->log(
        spdlog::details::log_msg("catamaran", level, news.text));
  }

  int rank_;
  LineFile file_;
};

LogFile::LogFile(const std::filesystem::path& path, int rank)
    : sink_(std::make_shared<Sink>(path, rank)) {
  spdlog::default_logger_raw()->sinks().push_back(sink_);
}

LogFile::~LogFile() { std::erase(spdlog::default_logger_raw()->sinks(), sink_); }

void LogFile::record_end(const Error& error) { sink_->record(error); }

namespace log {

void info(const std::string& line) { spdlog::default_logger_raw()->info("{}", line); }
void warn(const std::string& line) { spdlog::default_logger_raw()->warn("{}", line); }
void error(const std::string& line) { spdlog::default_logger_raw()->error("{}", line); }

}  // namespace log
}  // namespace catamaran
