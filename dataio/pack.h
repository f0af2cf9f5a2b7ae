// The pack: labelled images in HDF5 shards, the contract between `catamaran pack`, the loader and
// h5py users.
//
// A pack is a folder with pack.json (PackManifest) and shard-00000.h5, shard-00001.h5, ... Each
// shard holds, contiguous, unfiltered, little-endian, early-allocated:
//   /jpeg/bytes   uint8, all JPEG files of the shard one after the other
//   /jpeg/offset  uint64, n + 1
//   /label        int8, n x L: 1 present, 0 ignore (difficult), -1 absent
//   /size         int32, n x 2: height, width of the image that was packed
//   /checksum     uint64, n: XXH3 of each JPEG, or of each image's pixels
//   /file         uint64, n x 2: XXH3 and length of the file that each image was made of, where
//                 those are not the stored bytes' (pixels, restart markers)
//   /id           UTF-8 variable-length strings, n
// and the attribute "classes" of the root: the class names in order. A pixel pack holds in place of
// the JPEG files
//   /pixels       uint8, n x S x S x 3: the images as RGB, squished to S x S, as PIL's resize does
// docs/formats.md tells the same to users. Images keep their order: image i of the pack is image i
// - first of its shard.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace catamaran {

constexpr int64_t kPackFormatVersion = 1;
constexpr int64_t kPixelPackFormatVersion = 2;  // what older programs refuse
constexpr int64_t kLargestPixelSide = 4096;

struct ShardInfo {
  std::string file;   // "shard-00000.h5"
  int64_t bytes = 0;  // of the file
  int64_t images = 0;
  std::string sha256;  // of the file
};

struct SourceFile {
  std::string path;  // as given on the command line
  std::string sha256;
};

struct PackManifest {
  int64_t pixels = 0;      // side of the images of a pixel pack; 0: JPEG files
  bool has_files = false;  // shards have /file
  std::string data_set;    // "VOC2007", "COCO", or the manifest's name
  std::string split;
  std::vector<std::string> classes;  // in label order
  std::vector<int64_t> positives;    // per class: images with label 1
  std::vector<int64_t> ignored;      // per class: images with label 0
  int64_t images = 0;
  std::vector<SourceFile> sources;  // annotation and label files
  std::vector<ShardInfo> shards;
  std::string decoder;             // "libjpeg-turbo 2.1.5 (compiled with)"
  std::vector<std::string> notes;  // what the importer dropped or merged, as sentences
};

// A shard as pack.json has it. from: DataError with file and key, names outside shard-[0-9]{5}\.h5
// included.
nlohmann::json shard_json(const ShardInfo& shard);
ShardInfo shard_from_json(const nlohmann::json& item, const std::string& where);

// Adds one image's labels to the counts per class.
void count_labels(std::span<const int8_t> labels, std::vector<int64_t>& positives,
                  std::vector<int64_t>& ignored);

// pack.json in and out. read: DataError with file and key for anything wrong, names outside
// shard-[0-9]{5}\.h5 included.
PackManifest read_pack_manifest(const std::filesystem::path& pack_folder);
std::string pack_manifest_json(const PackManifest& manifest);

}  // namespace catamaran
