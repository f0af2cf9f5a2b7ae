// A pack of made pictures, one of them damaged, and what a loader should make of them.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "dataio/image.h"
#include "dataio/loader.h"
#include "golden_file.h"
#include "made_pack.h"
#include "support/json.h"

namespace catamaran {

constexpr int64_t kSize = 24;
constexpr int64_t kDamaged = 13;  // an image of the pack

// The generated pictures of the golden values, one of them cut short, in two shards.
class LoaderTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::vector<MadeImage> made;
    const nlohmann::json cases = read_json_file(golden_path("image/cases.json"), ErrorKind::kData);
    for (const auto& file : cases["files"]) {
      const std::string name = file["name"];
      if (!name.starts_with("made-")) continue;
      const auto i = static_cast<int>(made.size());
      made.push_back({.id = name,
                      .jpeg = golden_bytes("image/" + name + ".jpg"),
                      .size = {.height = file["height"], .width = file["width"]},
                      .labels = {static_cast<int8_t>(i % 3 - 1), static_cast<int8_t>(i % 2), 1}});
    }
    std::vector<uint8_t>& damaged = made.at(kDamaged).jpeg;
    damaged.erase(damaged.end() - 40, damaged.end());
    const auto folder =
        std::filesystem::path(testing::TempDir()) /
        ("loader-pack-" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) + "-" +
         std::to_string(::getpid()));
    make_pack(folder, {"a", "b", "c"}, made, std::ssize(made) / 2 + 1);
    pack_ = std::make_unique<PackReader>(folder);
    folder_ = folder;
  }
  static void TearDownTestSuite() {
    pack_.reset();
    std::filesystem::remove_all(folder_);
  }

  // `count` batches of `images` each: image numbers go round the pack and leave out the damaged
  // one.
  static KeysOfBatch batches(int64_t count, int64_t images = 5) {
    return [count, images](int64_t batch) {
      std::vector<SampleKey> keys;
      for (int64_t i = 0; batch < count && i < images; ++i) {
        const int64_t sample = batch * images + i;
        const int64_t index = sample % (pack_->images() - 1);
        keys.push_back({.epoch = static_cast<uint32_t>(sample / (pack_->images() - 1)),
                        .index = index < kDamaged ? index : index + 1});
      }
      return keys;
    };
  }
  static LoaderOptions training(int64_t threads, int64_t prefetch) {
    LoaderOptions options;
    options.sample.size = kSize;
    options.sample.seed = 3;
    options.sample.training = true;
    options.sample.augment.resize = 32;
    options.threads = threads;
    options.prefetch_batches = prefetch;
    return options;
  }
  static std::vector<uint8_t> pixels_of(const Batch& batch) {
    return {batch.pixels.get(), batch.pixels.get() + batch.images * batch.height * batch.width * 3};
  }
  // What one image should be, without the loader.
  static std::vector<uint8_t> image_alone(SampleKey key, const LoaderOptions& options) {
    std::vector<uint8_t> jpeg;
    pack_->read_image(key.index, jpeg);
    const ImageSize size = pack_->size(key.index);
    const SampleOptions& sample = options.sample;
    const Placement placement =
        sample.training
            ? choose_placement(sample.augment, size, sample.size, sample.seed, key.epoch, key.index)
            : whole_image(size);
    std::vector<uint8_t> out(static_cast<size_t>(sample.size * sample.size * 3));
    ImageDecoder().decode(jpeg, placement, sample.size, out.data(), pack_->id(key.index));
    return out;
  }

  static inline std::unique_ptr<PackReader> pack_;
  static inline std::filesystem::path folder_;
};

}  // namespace catamaran
