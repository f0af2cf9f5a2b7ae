#include "launch/pack_output.h"

#include <cstdio>
#include <string>

#include "launch/path_checks.h"
#include "support/json.h"

namespace catamaran {

PackWriterOptions PackOutput::options() const {
  PackWriterOptions options;
  options.shard_bytes = shard_mib << 20;
  options.threads = threads;
  return options;
}

CLI::Option* add_pack_output(CLI::App& command, PackOutput& output) {
  CLI::Option* out =
      command.add_option("--out", output.out, "folder to be made; must not exist yet")
          ->check(new_folder());
  command.add_option("--threads", output.threads, "reading threads; 0: as many as cores")
      ->check(CLI::Range(0, 1024));
  command.add_option("--shard-mib", output.shard_mib, "images of a shard, MiB")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_flag("--json", output.json, "print the summary as JSON");
  return out;
}

void add_restart_markers(CLI::App& command, bool& restart_markers) {
  command.add_flag(
      "--restart-markers", restart_markers,
      "write each JPEG anew, of the very same pixels, so that a crop is decoded without "
      "the rest of the picture; EXIF, profiles and comments are left out");
}

nlohmann::json pack_summary_json(const std::filesystem::path& out, const PackSummary& summary) {
  const PackManifest& pack = summary.manifest;
  return {{"out", out.string()},
          {"images", pack.images},
          {"classes", pack.classes.size()},
          {"shards", pack.shards.size()},
          {"image_bytes", summary.image_bytes},
          {"skipped", summary.skipped},
          {"seconds", summary.seconds},
          {"kept_shards", summary.kept_shards},
          {"notes", pack.notes}};
}

void print_pack_summary(const std::filesystem::path& out, const PackSummary& summary, bool json) {
  const PackManifest& pack = summary.manifest;
  if (json) {
    std::printf("%s\n", json_text(pack_summary_json(out, summary)).c_str());
    return;
  }
  std::printf("%s: %ld images, %zu classes, %zu shard(s), %.1f MB of images, %.1f s\n", out.c_str(),
              pack.images, pack.classes.size(), pack.shards.size(),
              static_cast<double>(summary.image_bytes) * 1e-6, summary.seconds);
  for (const std::string& note : pack.notes) std::printf("note: %s\n", note.c_str());
}

}  // namespace catamaran
