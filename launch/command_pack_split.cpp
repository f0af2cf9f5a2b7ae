#include <cstdio>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dataio/pack_split.h"
#include "launch/command_pack.h"
#include "launch/pack_output.h"
#include "launch/path_checks.h"
#include "support/atomic_file.h"
#include "support/json.h"
#include "support/normal_path.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

struct SplitArguments {
  fs::path pack;
  PackOutput output;
  std::string parts;
  uint64_t seed = 0;
};

constexpr double kPercent = 100;

nlohmann::json to_json(const SplitReport& report,
                       const std::optional<SplitReport::Deviation>& deviation) {
  if (!deviation) return nullptr;
  return {{"part", report.parts[deviation->part].name},
          {"class", report.classes[deviation->at]},
          {"positives", report.parts[deviation->part].positives[deviation->at]},
          {"share", deviation->share},
          {"wanted_share", report.parts[deviation->part].share},
          {"images", deviation->images}};
}

void print_json(const SplitArguments& given, const SplitReport& report,
                const std::vector<PackSummary>& summaries) {
  nlohmann::json root = {
      {"out", given.output.out.string()},
      {"images", report.images},
      {"copies", report.copies},
      {"seed", given.seed},
      {"classes", report.classes},
      {"positives", report.positives},
      {"largest_deviation_of_share", to_json(report, report.largest_by_share())},
      {"largest_deviation_in_images", to_json(report, report.largest_by_images())},
      {"parts", nlohmann::json::array()}};
  for (size_t p = 0; p < report.parts.size(); ++p) {
    const SplitReport::Part& part = report.parts[p];
    nlohmann::json entry = pack_summary_json(given.output.out / part.name, summaries[p]);
    entry["name"] = part.name;
    entry["wanted_share"] = part.share;
    entry["wanted_images"] = part.wanted_images;
    entry["without_labels"] = part.without_labels;
    entry["positives"] = part.positives;
    entry["share"] = nlohmann::json::array();
    for (size_t c = 0; c < report.classes.size(); ++c)
      entry["share"].push_back(report.positives[c] > 0 ? nlohmann::json(report.share(p, c))
                                                       : nlohmann::json());
    root["parts"].push_back(entry);
  }
  std::printf("%s\n", json_text(root).c_str());
}

void print_deviation(const char* of, const SplitReport& report,
                     const std::optional<SplitReport::Deviation>& deviation) {
  if (!deviation) return;
  const SplitReport::Part& part = report.parts[deviation->part];
  std::printf("largest deviation %s: %s has %ld of %ld images of '%s', %.2f %% (wanted %.2f %%)\n",
              of, part.name.c_str(), part.positives[deviation->at], report.positives[deviation->at],
              printable(report.classes[deviation->at]).c_str(), kPercent * deviation->share,
              kPercent * part.share);
}

void print_text(const SplitArguments& given, const SplitReport& report) {
  std::printf("%s: %ld images of %s in %zu parts, seed %lu\n", given.output.out.c_str(),
              report.images, given.pack.c_str(), report.parts.size(), given.seed);
  if (report.copies > 0)
    std::printf("%ld images are copies of others and in the same part\n", report.copies);
  for (const SplitReport::Part& part : report.parts)
    std::printf("  %-20s %8ld images (wanted %ld, %.2f %%), %ld without labels\n",
                part.name.c_str(), part.images, part.wanted_images, kPercent * part.share,
                part.without_labels);
  std::printf("  %-30s %8s", "class", "images");
  for (const SplitReport::Part& part : report.parts) std::printf(" %12.12s", part.name.c_str());
  std::printf("\n");
  for (size_t c = 0; c < report.classes.size(); ++c) {
    std::printf("  %-30s %8ld", printable(report.classes[c]).c_str(), report.positives[c]);
    for (size_t p = 0; p < report.parts.size(); ++p) {
      if (report.positives[c] == 0)
        std::printf(" %12s", "-");
      else
        std::printf(" %10.2f %%", kPercent * report.share(p, c));
    }
    std::printf("\n");
  }
  print_deviation("of a share", report, report.largest_by_share());
  print_deviation("in images", report, report.largest_by_images());
}

int split(const SplitArguments& given) {
  const std::vector<PartShare> parts = parse_parts(given.parts);
  const auto pack = std::make_shared<const PackReader>(given.pack);
  const PackSplit split = split_pack(pack, parts, given.seed);
  PackWriterOptions options = like(*pack, given.output.options());
  options.resumable = false;  // the parts are in a folder that goes with the run
  remove_stale_temporaries(normal_path(given.output.out).parent_path());
  AtomicDirectory folder(given.output.out, false, ErrorKind::kUsage);
  std::vector<PackSummary> summaries;
  for (size_t p = 0; p < parts.size(); ++p)
    summaries.push_back(write_pack(split.parts[p], folder.path() / parts[p].name, options));
  folder.commit();
  if (given.output.json)
    print_json(given, split.report, summaries);
  else
    print_text(given, split.report);
  return 0;
}

}  // namespace

void add_pack_split(CLI::App& pack, CommandSlot& slot) {
  CLI::App* command = pack.add_subcommand(
      "split",
      "A pack into parts that have their share of each class (iterative stratification, Sechidis "
      "et al. 2011); copies of a picture stay together");
  const auto given = std::make_shared<SplitArguments>();
  command->add_option("pack", given->pack, "pack folder")->required()->check(not_empty());
  command
      ->add_option("--parts", given->parts,
                   "NAME=SHARE,... with shares that sum to 1; each part is the pack OUT/NAME")
      ->required();
  add_pack_output(*command, given->output)->required();
  command->add_option("--seed", given->seed, "of what is decided by lot")
      ->check(at_least(0))
      ->capture_default_str();
  command->footer(
      "Example: catamaran pack split packs/mine --parts train=0.8,val=0.1,test=0.1 --out "
      "packs/mine-split");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return split(*given); }; });
}

}  // namespace catamaran
