// A temporary folder for packs that a test makes, and what a refusal said.
//
//   class PackMerge : public PackFolderTest {};
//   TEST_F(PackMerge, ...) { SharedPack a = pack("a", {"cat"}, {{"1", {1}}}); }
//
// An image's bytes are "image NAME" unless it is named otherwise: nobody could decode them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dataio/pack_selection.h"
#include "made_pack.h"
#include "support/error.h"

namespace catamaran {

struct NamedLabels {
  std::string id;
  std::vector<int8_t> labels;
  std::string picture{};  // its bytes; empty: its id
};

class PackFolderTest : public testing::Test {
 protected:
  PackFolderTest()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("packs-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~PackFolderTest() override { std::filesystem::remove_all(folder_); }

  SharedPack pack(const std::string& name, const std::vector<std::string>& classes,
                  const std::vector<NamedLabels>& given, int64_t images_per_shard = 3) const {
    std::vector<MadeImage> images;
    for (const NamedLabels& image : given) {
      const std::string bytes = "image " + (image.picture.empty() ? image.id : image.picture);
      images.push_back({.id = image.id,
                        .jpeg = {bytes.begin(), bytes.end()},
                        .size = {.height = 10, .width = static_cast<int32_t>(bytes.size())},
                        .labels = image.labels});
    }
    make_pack(folder_ / name, classes, images, images_per_shard);
    return std::make_shared<const PackReader>(folder_ / name);
  }

  static std::string refusal(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& problem) {
      return problem.what();
    }
    return "accepted";
  }

  std::filesystem::path file(const std::string& name, const std::string& content) const {
    std::ofstream(folder_ / name) << content;
    return folder_ / name;
  }

  static std::vector<std::string> ids(const ImportedImages& images) {
    std::vector<std::string> all;
    for (const ImportedImage& image : images.images) all.push_back(image.id);
    return all;
  }

  static std::string notes(const ImportedImages& images) {
    std::string all;
    for (const std::string& note : images.notes) all += note + "\n";
    return all;
  }

  static PackWriterOptions quiet() {
    PackWriterOptions options;
    options.shard_bytes = 40;
    options.threads = 2;
    options.progress = false;
    return options;
  }

  std::filesystem::path folder_;
};

}  // namespace catamaran
