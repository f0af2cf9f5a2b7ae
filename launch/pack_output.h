// What every command that writes a pack has in common: where the pack goes, how its shards are cut,
// and the summary at the end.
//
//   const auto output = std::make_shared<PackOutput>();
//   add_pack_output(command, *output);                     // --out --threads --shard-mib --json
//   print_pack_summary(output->out, write_pack(images, output->out, output->options()),
//                      output->json);
//
// One thread at a time.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dataio/pack_writer.h"

namespace catamaran {

struct PackOutput {
  std::filesystem::path out;
  int64_t threads = 0;
  int64_t shard_mib = 512;
  bool json = false;

  PackWriterOptions options() const;
};

// Gives back the option --out.
CLI::Option* add_pack_output(CLI::App& command, PackOutput& output);
// --restart-markers
void add_restart_markers(CLI::App& command, bool& restart_markers);

nlohmann::json pack_summary_json(const std::filesystem::path& out, const PackSummary& summary);
void print_pack_summary(const std::filesystem::path& out, const PackSummary& summary, bool json);

}  // namespace catamaran
