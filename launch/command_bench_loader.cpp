#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/loader_bench.h"
#include "launch/command_bench.h"
#include "launch/path_checks.h"
#include "launch/training_data_option.h"
#include "support/heap.h"
#include "support/json.h"
#include "support/parallel_for.h"
#include "trainer/loader_options.h"

namespace catamaran {
namespace {

struct LoaderArguments {
  TrainingData training;
  int64_t threads = 0;
  int64_t batch = 32;
  int64_t rounds = 3;
  bool json = false;
};

LoaderBenchOptions bench_options(const LoaderArguments& given, const RunOptions& options) {
  LoaderBenchOptions bench;
  bench.loader = loader_options(options, threads_or_cores(0));
  if (given.threads > 0) bench.loader.threads = given.threads;
  bench.loader.skip_bad = false;  // what is damaged would spoil the figures
  bench.batch = given.batch;
  bench.rounds = given.rounds;
  return bench;
}

nlohmann::json to_json(const std::string& pack, const LoaderBench& bench) {
  return {{"pack", pack},
          {"threads", bench.threads},
          {"images", bench.images},
          {"images_per_second", bench.images_per_second()},
          {"bytes_per_image", bench.read_bytes / std::max<int64_t>(1, bench.images)},
          {"seconds", bench.seconds},
          {"decode_seconds", bench.decode_seconds},
          {"share_of_limit", bench.share_of_limit()},
          {"resident_bytes", bench.resident_bytes},
          {"mean_pixel", bench.mean_pixel}};
}

void print(const LoaderBench& bench) {
  const double rate = bench.images_per_second();
  const double bytes = static_cast<double>(bench.read_bytes) / static_cast<double>(bench.images);
  std::printf(
      "%.1f images/s with %ld thread(s), %.1f MB/s of the pack, %.2f ms of a thread an image\n",
      rate, bench.threads, rate * bytes * 1e-6, 1e3 * static_cast<double>(bench.threads) / rate);
  if (!bench.decode_seconds.empty())
    std::printf("%.0f %% of a thread's time is libjpeg's own (the limit)\n",
                100 * bench.share_of_limit());
  std::printf("resident memory after each round, MiB:");
  for (const int64_t resident : bench.resident_bytes) std::printf(" %ld", resident >> 20);
  std::printf("\n");
}

int bench_the_loader(const LoaderArguments& given) {
  keep_freed_memory();  // as training does
  const RunOptions options = given.training.resolve();
  const PackReader pack(options.data.train);
  const LoaderBench bench = bench_loader(pack, bench_options(given, options));
  if (given.json) {
    std::printf("%s\n", json_text(to_json(options.data.train, bench)).c_str());
  } else {
    print(bench);
  }
  return 0;
}

}  // namespace

void add_bench_loader(CLI::App& bench, CommandSlot& slot) {
  const auto given = std::make_shared<LoaderArguments>();
  CLI::App* loader = bench.add_subcommand(
      "loader", "Images/s from pack to augmented batch, and how much of it the JPEG decoder needs");
  add_training_data_options(*loader, given->training);
  loader->add_option("--threads", given->threads, "0: data.threads, else as many as cores")
      ->check(CLI::Range(0, 1024));
  loader->add_option("--batch", given->batch, "images of a batch")
      ->check(at_least(1))
      ->capture_default_str();
  loader->add_option("--rounds", given->rounds, "epochs to measure, after one that is not")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  loader->add_flag("--json", given->json, "print the numbers as JSON");
  loader->footer(
      "Example: catamaran bench loader --data packs/coco14-train --threads 8 --set "
      "data.augment.crop=random_resized --set model.input.size=224");
  loader->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return bench_the_loader(*given); }; });
}

}  // namespace catamaran
