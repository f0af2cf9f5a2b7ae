// spdlog stays in this file: LibTorch ships another version of its formatting library.
#include "support/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace catamaran {

void configure_log(int rank, int world) {
  auto logger = std::make_shared<spdlog::logger>("catamaran",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const std::string who = world > 1 ? "rank " + std::to_string(rank) + " " : "";
  logger->set_pattern("%H:%M:%S " + who + "%l: %v");
  logger->set_level(rank == 0 ? spdlog::level::info : spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

namespace log {

void info(const std::string& line) { spdlog::default_logger_raw()->info("{}", line); }
void warn(const std::string& line) { spdlog::default_logger_raw()->warn("{}", line); }
void error(const std::string& line) { spdlog::default_logger_raw()->error("{}", line); }

}  // namespace log
}  // namespace catamaran
