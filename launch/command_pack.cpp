#include "launch/command_pack.h"

#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/coco_importer.h"
#include "dataio/image_folder.h"
#include "dataio/manifest_importer.h"
#include "dataio/pack_writer.h"
#include "dataio/voc_importer.h"
#include "launch/command.h"
#include "launch/pack_output.h"
#include "support/error.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

struct PackArguments {
  VocSource voc;
  CocoSource coco;
  ManifestSource manifest;
  std::string format;  // of the manifest; empty: by its name
  PackOutput output;
  std::string name;  // of the data set; empty: as the importer says
  int64_t pixels = 0;
  bool decode = true;
  bool skip_bad = false;
  bool restart_markers = false;
  bool check = false;  // of a manifest, without packing
};

ImportedImages take_voc(const PackArguments& given) {
  ImportedImages images = import_voc(given.voc);
  look_into_folder(given.voc.root / "JPEGImages", images.images)
      .require_some("check --root: the pictures of a split are in its folder JPEGImages, ID.jpg",
                    given.skip_bad);
  return images;
}

ImportedImages take_coco(const PackArguments& given) {
  ImportedImages images = import_coco(given.coco);
  look_into_folder(given.coco.images, images.images)
      .require_some(kCheckImageFolder, given.skip_bad);
  return images;
}

// With --skip-bad missing files are left out by the writer, unless none is there.
ImportedImages take_manifest(const PackArguments& given) {
  ManifestSource source = given.manifest;
  source.look_for_files = !given.skip_bad;
  ImportedImages images = import_manifest(source);
  if (given.skip_bad)
    look_into_folder(source.images, images.images)
        .require_some(kCheckImageFolder, /*may_miss_images=*/true);
  return images;
}

// What a manifest would give, and exit code 3 with all problems where it would give nothing.
int check_manifest(PackArguments& given) {
  given.manifest.look_into_files = true;
  const ImportedImages images = import_manifest(given.manifest);
  std::vector<int64_t> positives(images.classes.size());
  std::vector<int64_t> ignored(images.classes.size());
  for (const ImportedImage& image : images.images) count_labels(image.labels, positives, ignored);
  if (given.output.json) {
    const nlohmann::json root = {{"images", images.images.size()},
                                 {"classes", images.classes},
                                 {"positives", positives},
                                 {"ignored", ignored},
                                 {"notes", images.notes}};
    std::printf("%s\n", json_text(root).c_str());
    return 0;
  }
  std::printf("%s: %zu images, %zu classes, no problem found\n", given.manifest.manifest.c_str(),
              images.images.size(), images.classes.size());
  for (size_t c = 0; c < images.classes.size(); ++c) {
    std::printf("  %-30s %8ld present %8ld ignored\n", images.classes[c].c_str(), positives[c],
                ignored[c]);
  }
  for (const std::string& note : images.notes) std::printf("note: %s\n", note.c_str());
  return 0;
}

int write(const PackArguments& given, const std::function<ImportedImages()>& import) {
  if (given.output.out.empty())
    throw UsageError("no folder for the pack is named", "--out", "give a new one");
  ImportedImages images = import();
  if (!given.name.empty()) images.data_set = given.name;
  PackWriterOptions options = given.output.options();
  options.pixels = given.pixels;
  options.decode = given.decode;
  options.skip_bad = given.skip_bad;
  options.restart_markers = given.restart_markers;
  print_pack_summary(given.output.out, write_pack(images, given.output.out, options),
                     given.output.json);
  return 0;
}

CLI::Validator is_a_name() {
  return {[](const std::string& name) -> std::string {
            if (name.empty() || name.size() > 100) return "wants a name of 1 to 100 bytes";
            const bool one_line = name.find_first_of("\n\t") == std::string::npos;
            return one_line && printable(name) == name ? ""
                                                       : "wants a name of printable characters";
          },
          "NAME"};
}

void add_common(CLI::App& command, const std::shared_ptr<PackArguments>& given) {
  add_pack_output(command, given->output);
  command
      .add_option("--name", given->name,
                  "the data set's name in pack.json, reports and metrics; default: COCO, or the "
                  "name of the folder that VOC or the manifest lies in")
      ->check(is_a_name());
  command
      .add_option("--pixels", given->pixels,
                  "store each image as RGB, squished to squares of this side; 0: the JPEG files")
      ->check(CLI::Range(int64_t{0}, kLargestPixelSide))
      ->capture_default_str();
  command.add_flag("!--no-decode", given->decode,
                   "trust the files beyond their headers and end markers: as fast as the disk");
  add_restart_markers(command, given->restart_markers);
  command.add_flag("--skip-bad", given->skip_bad, "leave damaged image files out and count them");
}

}  // namespace

void add_pack_command(CLI::App& app, CommandSlot& slot) {
  CLI::App* pack = app.add_subcommand("pack", "Pack labelled JPEG images into HDF5 shards");
  pack->require_subcommand(1);
  const auto given = std::make_shared<PackArguments>();

  CLI::App* voc =
      pack->add_subcommand("voc", "PASCAL VOC: ImageSets/Main (or Annotations) and JPEGImages");
  voc->add_option("--root", given->voc.root, "the folder VOCdevkit/VOC2007")->required();
  voc->add_option("--split", given->voc.split, "train, val, trainval or test")->required();
  voc->add_flag("--verify-xml", given->voc.verify_xml,
                "refuse a split whose lists and Annotations disagree");
  add_common(*voc, given);
  voc->footer(
      "Example: catamaran pack voc --root VOCdevkit/VOC2007 --split trainval --out "
      "packs/voc07-trainval");
  voc->callback([&slot, given] {
    slot.work = [given](int&, char**&) { return write(*given, [&] { return take_voc(*given); }); };
  });

  CLI::App* coco =
      pack->add_subcommand("coco", "MS-COCO instances: a folder of images and instances_*.json");
  coco->add_option("--images", given->coco.images, "folder of the images")->required();
  coco->add_option("--annotations", given->coco.annotations, "instances_*.json")->required();
  coco->add_option("--class-order", given->coco.class_order,
                   "id: by category id; name: alphabetical")
      ->check(CLI::IsMember({"id", "name"}))
      ->capture_default_str();
  coco->add_option("--without-annotations", given->coco.without_annotations,
                   "images without any annotation: drop, keep")
      ->check(CLI::IsMember({"drop", "keep"}))
      ->capture_default_str();
  add_common(*coco, given);
  coco->footer(
      "Example: catamaran pack coco --images train2014 --annotations instances_train2014.json "
      "--out packs/coco14-train");
  coco->callback([&slot, given] {
    slot.work = [given](int&, char**&) { return write(*given, [&] { return take_coco(*given); }); };
  });

  CLI::App* manifest = pack->add_subcommand(
      "manifest",
      "Your own images: JSON lines {\"image\": ..., \"labels\": [...], \"ignore\": [...]}, or CSV "
      "with the header path,labels,ignore (labels: a;b) or path and a column of 1, 0, -1 per "
      "class");
  manifest
      ->add_option("--images", given->manifest.images,
                   "folder that the image paths are relative to")
      ->required();
  manifest->add_option("--manifest", given->manifest.manifest, "the file of labels")->required();
  manifest
      ->add_option("--format", given->format,
                   "of the manifest; without it csv where the name ends in .csv, else jsonl")
      ->check(CLI::IsMember({"jsonl", "csv"}));
  manifest->add_flag("--check", given->check,
                     "look at labels and files and print the counts; nothing is written");
  manifest->add_option("--classes", given->manifest.classes,
                       "class names, one a line; default: all labels, sorted");
  add_common(*manifest, given);
  manifest->footer(
      "Example: catamaran pack manifest --images photos --manifest labels.jsonl --out packs/mine");
  manifest->callback([&slot, given] {
    slot.work = [given](int&, char**&) {
      if (given->format == "jsonl") given->manifest.format = ManifestFormat::kJsonLines;
      if (given->format == "csv") given->manifest.format = ManifestFormat::kCsv;
      if (given->check) return check_manifest(*given);
      return write(*given, [&] { return take_manifest(*given); });
    };
  });

  add_pack_operations(*pack, slot);
  add_pack_split(*pack, slot);
}

}  // namespace catamaran
