#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "dataio/loader.h"
#include "drawing/contact_sheet.h"
#include "drawing/png_file.h"
#include "launch/command.h"
#include "launch/path_checks.h"
#include "launch/training_data_option.h"
#include "support/error.h"
#include "support/parallel_for.h"
#include "support/text.h"
#include "trainer/loader_options.h"

namespace catamaran {
namespace {

struct PreviewArguments {
  TrainingData training;
  std::filesystem::path out = "preview.png";
  int64_t images = 6;
  int64_t draws = 4;
  int64_t first = 0;
};

std::string labels_of(const PackReader& pack, int64_t image) {
  std::string present;
  const std::span<const int8_t> labels = pack.labels(image);
  for (size_t c = 0; c < labels.size(); ++c) {
    if (labels[c] == -1) continue;
    present += (present.empty() ? "" : ", ") + pack.manifest().classes[c];
    if (labels[c] == 0) present += " (ignored)";
  }
  return present.empty() ? "no label" : present;
}

// Small squares are shown larger, pixel by pixel.
Picture picture_of(const Batch& batch, int64_t image) {
  const int64_t times = std::max<int64_t>(1, kLeastTileWidth / batch.width);
  const int64_t width = batch.width * times;
  const int64_t height = batch.height * times;
  const uint8_t* const pixels = batch.pixels.get() + image * batch.height * batch.width * 3;
  std::vector<uint8_t> shown;
  shown.reserve(static_cast<size_t>(height * width * 3));
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      const uint8_t* const pixel = pixels + (y / times * batch.width + x / times) * 3;
      shown.insert(shown.end(), pixel, pixel + 3);
    }
  }
  return Picture(width, height, shown);
}

// The chosen images as epoch `epoch` would have them, or as evaluation does.
Batch drawn(const PackReader& pack, const LoaderOptions& options, const PreviewArguments& given,
            uint32_t epoch) {
  const auto keys = [&](int64_t batch) {
    std::vector<SampleKey> keys;
    for (int64_t i = 0; i < given.images && batch == 0; ++i)
      keys.push_back({.epoch = epoch, .index = given.first + i});
    return keys;
  };
  Loader loader(pack, options, keys);
  return std::move(*loader.next());
}

Caption caption_of(const Batch& batch, int64_t image, int64_t epoch) {
  Caption caption{.text = text("epoch %ld", epoch), .value = "", .colour = kDim};
  if (batch.own_share.empty()) return caption;
  const float share = batch.own_share[static_cast<size_t>(image)];
  if (share < 1) caption.value = text("%.0f %% its own", 100.0 * share);
  return caption;
}

ContactSheet sheet_of(const PackReader& pack, const LoaderOptions& options,
                      const PreviewArguments& given) {
  LoaderOptions evaluating = options;
  evaluating.sample.training = false;
  evaluating.sample.exactness = Exactness::kExact;
  const Batch plain = drawn(pack, evaluating, given, 0);
  std::vector<Batch> draws;
  for (int64_t epoch = 0; epoch < given.draws; ++epoch)
    draws.push_back(drawn(pack, options, given, static_cast<uint32_t>(epoch)));
  ContactSheet sheet;
  sheet.title = text("%s: what training sees of images %ld to %ld", pack.folder().c_str(),
                     given.first, given.first + given.images - 1);
  for (int64_t i = 0; i < given.images; ++i) {
    const int64_t index = given.first + i;
    SheetRow row{.name = pack.id(index) + ": " + labels_of(pack, index), .tiles = {}};
    row.tiles.push_back(
        {picture_of(plain, i), {.text = "evaluation", .value = "", .colour = kLight}});
    for (int64_t epoch = 0; epoch < given.draws; ++epoch) {
      const Batch& batch = draws[static_cast<size_t>(epoch)];
      row.tiles.push_back({picture_of(batch, i), caption_of(batch, i, epoch)});
    }
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

int preview(PreviewArguments given) {
  const RunOptions options = given.training.resolve();
  const PackReader pack(options.data.train);
  if (given.first >= pack.images()) {
    throw UsageError("the pack has " + std::to_string(pack.images()) + " images", "--first",
                     "count from 0");
  }
  given.images = std::min(given.images, pack.images() - given.first);
  LoaderOptions loading = loader_options(options, threads_or_cores(0));
  loading.skip_bad = false;  // the images that were asked for, or none
  write_png(given.out, contact_sheet(sheet_of(pack, loading, given)));
  std::printf("%s\n", given.out.c_str());
  return 0;
}

}  // namespace

void add_data_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* data = app.add_subcommand("data", "Look at what training sees");
  data->require_subcommand(1);
  const auto given = std::make_shared<PreviewArguments>();
  CLI::App* sheet = data->add_subcommand(
      "preview", "Draw augmented images of a pack with their labels, as a PNG");
  add_training_data_options(*sheet, given->training);
  sheet->add_option("--out", given->out, "the PNG to write")
      ->check(png_file())
      ->capture_default_str();
  sheet->add_option("--images", given->images, "rows")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sheet->add_option("--draws", given->draws, "epochs, beside the image as evaluation sees it")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  sheet->add_option("--first", given->first, "image of the pack to begin with, from 0")
      ->check(at_least(0))
      ->capture_default_str();
  sheet->footer(
      "Example: catamaran data preview --config configs/cat.toml --data packs/mine --set "
      "data.augment.rand_augment=2 --out preview.png");
  sheet->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return preview(*given); }; });
}

}  // namespace catamaran
