// A run directory in the state that a test of its status is about.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fake_run.h"
#include "monitoring/run_log.h"
#include "support/clock.h"
#include "support/file_descriptor.h"
#include "support/host_name.h"

namespace catamaran {

constexpr double kStarted = 1.7e9;  // unix seconds

inline nlohmann::json made_life(int64_t first_step = 0, const std::string& id = "00000000000000aa",
                                double started = kStarted) {
  return {{"id", id},
          {"started_unix_seconds", started},
          {"first_step", first_step},
          {"hosts", {"n1", "n2"}},
          {"user", "ada"},
          {"process", 4711},
          {"job_id", "1207_3"},
          {"world", 2},
          {"global_batch", 32},
          {"steps_per_epoch", 10},
          {"total_steps", 100},
          {"train_pack", {{"images", 320}}}};
}

inline nlohmann::json ended_life(nlohmann::json life, const std::string& reason, int64_t step,
                                 double at = kStarted + 100) {
  life["ended"] = {{"unix_seconds", at}, {"step", step}, {"reason", reason}};
  return life;
}

inline nlohmann::json made_failure(const std::string& start = "00000000000000aa") {
  return {{"start", start},
          {"time", "2026-11-25 02:49 UTC"},
          {"cause", "rank 1 (process 7 on n2) failed: the shard is gone"},
          {"weight", 4},
          {"kind", "bad node"},
          {"exclude_hosts", {"n2"}},
          {"ranks",
           {{{"rank", 0}, {"state", "ended by the launcher"}},
            {{"rank", 1},
             {"state", "failed"},
             {"error_of_communication", false},
             {"error_kind", "data"}}}}};
}

class StatusRun {
 public:
  explicit StatusRun(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path at(const std::string& name) const { return folder_ / name; }

  void write_lives(const std::vector<nlohmann::json>& lives) const {
    write_text(at("manifest.json"), nlohmann::json({{"run", "cat-1"}, {"lives", lives}}).dump(2));
  }
  void write_steps(int64_t from, int64_t to) const {
    RunLog log(at("metrics.jsonl"), from);
    for (int64_t step = from; step <= to; ++step) {
      StepReport report = fake_step(step);
      report.steady_seconds = 1000 + 2 * static_cast<double>(step);
      log.record(report);
    }
  }
  void write_log(const std::string& message, double at_time, const std::string& kind = "") const {
    nlohmann::json line = {
        {"time", at_time}, {"level", kind.empty() ? "info" : "error"}, {"message", message}};
    if (!kind.empty()) line["kind"] = kind;
    std::ofstream(at("log.jsonl"), std::ios::app) << line.dump() << "\n";
  }
  void write_checkpoint(int64_t step, double best_map = -1) const {
    const std::string name =
        "step-" + std::string(8 - std::to_string(step).size(), '0') + std::to_string(step);
    write_text(at("checkpoints/" + name + "/state.json"),
               nlohmann::json({{"step", step}, {"best_map", best_map}}).dump());
    write_text(at("checkpoints/latest"), name + "\n");
  }
  void write_evaluation(const std::string& name, double map, int64_t step) const {
    write_text(at("eval/" + name + ".json"), nlohmann::json({{"map", map}, {"step", step}}).dump());
  }
  // As long as it is open some job has the run.
  FileDescriptor lock(int64_t process = 4711) const {
    write_text(at("lock"), "host " + host_name() + ", process " + std::to_string(process) +
                               ", since 2026-01-01 00:00 UTC\n");
    FileDescriptor file(::open(at("lock").c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_EQ(::flock(file.get(), LOCK_EX | LOCK_NB), 0);
    return file;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace catamaran
