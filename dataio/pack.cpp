#include "dataio/pack.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "support/error.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;
constexpr ErrorKind kKind = ErrorKind::kData;

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw DataError(what, where, "pack the data again, or copy the pack again if it was copied");
}

void require_consistent(const PackManifest& pack, const std::string& where) {
  int64_t images = 0;
  for (const ShardInfo& shard : pack.shards) {
    if (shard.images > std::numeric_limits<int64_t>::max() - images)
      refuse("the shards hold more images than can be counted", where);
    images += shard.images;
  }
  if (images != pack.images || images <= 0)
    refuse("the shards hold " + std::to_string(images) + " images, the pack says " +
               std::to_string(pack.images),
           where);
  if (pack.classes.empty()) refuse("there are no classes", where);
  if (std::set<std::string>(pack.classes.begin(), pack.classes.end()).size() !=
      pack.classes.size()) {
    refuse("a class occurs twice", where);
  }
  if (pack.positives.size() != pack.classes.size() || pack.ignored.size() != pack.classes.size()) {
    refuse("counts and classes differ in number", where);
  }
}

}  // namespace

nlohmann::json shard_json(const ShardInfo& shard) {
  return {{"file", shard.file},
          {"bytes", shard.bytes},
          {"images", shard.images},
          {"sha256", shard.sha256}};
}

ShardInfo shard_from_json(const json& item, const std::string& where) {
  const ShardInfo shard = {.file = json_field<std::string>(item, "file", where, kKind),
                           .bytes = json_field<int64_t>(item, "bytes", where, kKind),
                           .images = json_field<int64_t>(item, "images", where, kKind),
                           .sha256 = json_field<std::string>(item, "sha256", where, kKind)};
  if (!is_numbered_name(shard.file, "shard-", 5, ".h5"))
    refuse("'" + shard.file.substr(0, 80) + "' is no name of a shard", where);
  if (shard.images < 0 || shard.bytes < 0) refuse("a shard has a negative size", where);
  return shard;
}

void count_labels(std::span<const int8_t> labels, std::vector<int64_t>& positives,
                  std::vector<int64_t>& ignored) {
  for (size_t c = 0; c < labels.size(); ++c) {
    positives[c] += labels[c] == 1 ? 1 : 0;
    ignored[c] += labels[c] == 0 ? 1 : 0;
  }
}

PackManifest read_pack_manifest(const std::filesystem::path& pack_folder) {
  const std::filesystem::path path = pack_folder / "pack.json";
  std::error_code code;
  if (!std::filesystem::is_regular_file(path, code)) {
    throw DataError("there is no pack here (pack.json is missing)", pack_folder.string(),
                    "make one with `catamaran pack`, or correct the path");
  }
  const std::string where = path.string();
  const json root = read_json_file(path, kKind);
  PackManifest pack;
  const auto version = json_field<int64_t>(root, "format_version", where, kKind);
  if (version != kPackFormatVersion && version != kPixelPackFormatVersion) {
    throw DataError("pack format " + std::to_string(version) + " is not the " +
                        std::to_string(kPackFormatVersion) + " or " +
                        std::to_string(kPixelPackFormatVersion) + " that this program reads",
                    where, "pack the data again with this version");
  }
  if (version == kPixelPackFormatVersion) {
    pack.pixels = json_field<int64_t>(root, "pixels", where, kKind);
    if (pack.pixels < 1 || pack.pixels > kLargestPixelSide)
      refuse(std::to_string(pack.pixels) + " is no side of an image", where);
  }
  if (root.contains("file_checksums"))
    pack.has_files = json_field<bool>(root, "file_checksums", where, kKind);
  pack.data_set = json_field<std::string>(root, "data_set", where, kKind);
  pack.split = json_field<std::string>(root, "split", where, kKind);
  pack.classes = json_field<std::vector<std::string>>(root, "classes", where, kKind);
  pack.positives = json_field<std::vector<int64_t>>(root, "positives", where, kKind);
  pack.ignored = json_field<std::vector<int64_t>>(root, "ignored", where, kKind);
  pack.images = json_field<int64_t>(root, "images", where, kKind);
  pack.decoder = json_field<std::string>(root, "decoder", where, kKind);
  pack.notes = json_field<std::vector<std::string>>(root, "notes", where, kKind);
  for (const json& item : json_field<std::vector<json>>(root, "sources", where, kKind)) {
    pack.sources.push_back({json_field<std::string>(item, "path", where, kKind),
                            json_field<std::string>(item, "sha256", where, kKind)});
  }
  for (const json& item : json_field<std::vector<json>>(root, "shards", where, kKind))
    pack.shards.push_back(shard_from_json(item, where));
  require_consistent(pack, where);
  return pack;
}

std::string pack_manifest_json(const PackManifest& manifest) {
  const bool has_pixels = manifest.pixels > 0;
  json root = {{"format_version", has_pixels ? kPixelPackFormatVersion : kPackFormatVersion},
               {"data_set", manifest.data_set},
               {"split", manifest.split},
               {"classes", manifest.classes},
               {"positives", manifest.positives},
               {"ignored", manifest.ignored},
               {"images", manifest.images},
               {"decoder", manifest.decoder},
               {"notes", manifest.notes}};
  if (has_pixels) root["pixels"] = manifest.pixels;
  if (manifest.has_files) root["file_checksums"] = true;
  root["sources"] = json::array();
  for (const SourceFile& source : manifest.sources)
    root["sources"].push_back({{"path", source.path}, {"sha256", source.sha256}});
  root["shards"] = json::array();
  for (const ShardInfo& shard : manifest.shards) root["shards"].push_back(shard_json(shard));
  return json_text(root) + "\n";
}

}  // namespace catamaran
