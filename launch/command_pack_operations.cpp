#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "dataio/manifest_importer.h"
#include "dataio/pack_merge.h"
#include "dataio/pack_selection.h"
#include "launch/command_pack.h"
#include "launch/pack_output.h"
#include "launch/path_checks.h"
#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

struct ReshardArguments {
  fs::path pack;
  PackOutput output;
  int64_t pixels = 0;
  bool restart_markers = false;
  bool skip_bad = false;
};

int reshard(const ReshardArguments& given) {
  const auto pack = std::make_shared<const PackReader>(given.pack);
  PackWriterOptions options = like(*pack, given.output.options());
  ImportedImages images = images_of(pack);
  if (given.pixels > 0 && given.pixels != pack->pixels()) {
    if (pack->pixels() > 0)
      throw UsageError("a pack of squares of " + std::to_string(pack->pixels()) +
                           " pixels cannot give others: scaled twice they would not be the images' "
                           "own",
                       "--pixels", "make them from a pack of the JPEG files");
    options.pixels = given.pixels;
    options.decode = true;
    images.decoder.clear();  // this program's
  }
  options.skip_bad = given.skip_bad;
  options.restart_markers = given.restart_markers;
  if (given.restart_markers) options.decode = true;
  images.notes.push_back("resharded from " + name_with_fingerprint(*pack));
  print_pack_summary(given.output.out, write_pack(images, given.output.out, options),
                     given.output.json);
  return 0;
}

struct MergeArguments {
  std::vector<fs::path> packs;
  PackOutput output;
  MergeOptions options;
  std::string missing = "ignore";
};

int merge(MergeArguments& given) {
  given.options.missing_absent = given.missing == "absent";
  std::vector<SharedPack> packs;
  for (const fs::path& folder : given.packs)
    packs.push_back(std::make_shared<const PackReader>(folder));
  const ImportedImages images = merge_packs(packs, given.options);
  const PackWriterOptions options = like(*packs.front(), given.output.options());
  print_pack_summary(given.output.out, write_pack(images, given.output.out, options),
                     given.output.json);
  return 0;
}

struct SubsetArguments {
  fs::path pack;
  PackOutput output;
  PackSelection selection;
  std::vector<std::string> classes;
  fs::path classes_file;
  int64_t limit = 0;
  std::string without_labels = "keep";
};

int subset(SubsetArguments& given) {
  given.selection.classes = given.classes;
  if (!given.classes_file.empty()) given.selection.classes = read_class_names(given.classes_file);
  if (given.limit > 0) given.selection.limit = given.limit;
  given.selection.keep_without_labels = given.without_labels == "keep";
  const auto pack = std::make_shared<const PackReader>(given.pack);
  const ImportedImages images = select_images(pack, given.selection);
  const PackWriterOptions options = like(*pack, given.output.options());
  print_pack_summary(given.output.out, write_pack(images, given.output.out, options),
                     given.output.json);
  return 0;
}

void add_reshard(CLI::App& pack, CommandSlot& slot) {
  CLI::App* command = pack.add_subcommand(
      "reshard", "The same pack in shards of another size, or as pixels, or with restart markers");
  const auto given = std::make_shared<ReshardArguments>();
  command->add_option("pack", given->pack, "pack folder")->required()->check(not_empty());
  add_pack_output(*command, given->output)->required();
  command
      ->add_option("--pixels", given->pixels,
                   "make a pixel pack of a pack of JPEG files: squares of this side")
      ->check(CLI::Range(int64_t{1}, kLargestPixelSide));
  add_restart_markers(*command, given->restart_markers);
  command->add_flag("--skip-bad", given->skip_bad,
                    "leave images with damaged bytes out and count them");
  command->footer(
      "Example: catamaran pack reshard packs/coco14-train --out packs/coco14-128 --shard-mib 128");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return reshard(*given); }; });
}

void add_merge(CLI::App& pack, CommandSlot& slot) {
  CLI::App* command = pack.add_subcommand(
      "merge", "Packs one behind the other; an image that several of them have counts once");
  const auto given = std::make_shared<MergeArguments>();
  command->add_option("packs", given->packs, "pack folders, two or more")
      ->required()
      ->expected(2, -1);
  add_pack_output(*command, given->output)->required();
  CLI::Option* united = command->add_flag(
      "--classes-union", given->options.classes_union,
      "packs of different class lists: the classes of all, by name, the first pack's first");
  command
      ->add_option("--missing-classes", given->missing,
                   "labels of classes that an image's pack does not have: ignore, absent")
      ->check(CLI::IsMember({"ignore", "absent"}))
      ->capture_default_str()
      ->needs(united);
  command->add_flag("--prefix-ids", given->options.prefix_ids,
                    "write each pack's folder name before its ids");
  command->footer(
      "Example: catamaran pack merge packs/voc07-trainval packs/voc12-trainval --out "
      "packs/voc0712");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return merge(*given); }; });
}

void add_subset(CLI::App& pack, CommandSlot& slot) {
  CLI::App* command = pack.add_subcommand(
      "subset",
      "Part of a pack: by ids, then classes, then labels, then a number of images drawn by lot");
  const auto given = std::make_shared<SubsetArguments>();
  command->add_option("pack", given->pack, "pack folder")->required()->check(not_empty());
  add_pack_output(*command, given->output)->required();
  command->add_option("--ids", given->selection.ids, "file of ids to keep, one a line")
      ->check(not_empty());
  command
      ->add_option("--without-ids", given->selection.without_ids,
                   "file of ids to leave out, one a line")
      ->check(not_empty());
  CLI::Option* classes =
      command
          ->add_option("--classes", given->classes,
                       "keep these classes' labels, in this order: a,b,c (once or more)")
          ->delimiter(',')
          ->allow_extra_args(false);
  command
      ->add_option("--classes-file", given->classes_file, "the same from a file, one name a line")
      ->check(not_empty())
      ->excludes(classes);
  command
      ->add_option("--without-labels", given->without_labels,
                   "images in which none of the classes is present: keep, drop")
      ->check(CLI::IsMember({"keep", "drop"}))
      ->capture_default_str();
  CLI::Option* limit = command->add_option("--limit", given->limit, "so many images, drawn by lot")
                           ->check(at_least(1));
  command->add_option("--seed", given->selection.seed, "of the lot")
      ->check(at_least(0))
      ->capture_default_str()
      ->needs(limit);
  command->footer(
      "Example: catamaran pack subset packs/coco14-train --classes cat,dog --without-labels drop "
      "--limit 1000 --out packs/cats-and-dogs");
  command->callback(
      [&slot, given] { slot.work = [given](int&, char**&) { return subset(*given); }; });
}

}  // namespace

void add_pack_operations(CLI::App& pack, CommandSlot& slot) {
  add_reshard(pack, slot);
  add_merge(pack, slot);
  add_subset(pack, slot);
}

}  // namespace catamaran
