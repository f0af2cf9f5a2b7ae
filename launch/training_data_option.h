// --config, --set and --data of commands that look at a training pack as a run would.
//
//   const auto given = std::make_shared<TrainingData>();
//   add_training_data_options(command, *given);
//   const RunOptions options = given->resolve();          // data.train is the pack
//
// Errors: UsageError from resolve(). One thread at a time.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "launch/config.h"
#include "launch/path_checks.h"

namespace catamaran {

struct TrainingData {
  std::filesystem::path config;
  std::vector<std::string> overrides;
  std::string data;

  RunOptions resolve() const {
    std::vector<std::string> all = overrides;
    if (!data.empty()) all.push_back("data.train=" + data);
    return resolve_config(config, all).options;
  }
};

inline void add_training_data_options(CLI::App& command, TrainingData& given) {
  command.add_option("--config", given.config, "TOML file; default: every key's default")
      ->check(CLI::ExistingFile);
  command.add_option("--set", given.overrides, "KEY=VALUE, several times; data.augment.*, ...");
  command.add_option("--data", given.data, "the pack; data.train for short")->check(not_empty());
}

}  // namespace catamaran
