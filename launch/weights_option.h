// --weights: which of a checkpoint's two sets of weights is used.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace catamaran {

inline void add_weights_option(CLI::App& command, std::string& weights) {
  command.add_option("--weights", weights, "of a checkpoint; auto: ema if there, else raw")
      ->check(CLI::IsMember({"auto", "ema", "raw"}))
      ->capture_default_str();
}

}  // namespace catamaran
