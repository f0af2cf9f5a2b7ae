#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "dataio/coco_importer.h"
#include "dataio/manifest_importer.h"
#include "dataio/pack_writer.h"
#include "dataio/voc_importer.h"
#include "launch/command.h"
#include "launch/path_checks.h"
#include "support/json.h"

namespace catamaran {
namespace {

struct PackArguments {
  VocSource voc;
  CocoSource coco;
  ManifestSource manifest;
  std::filesystem::path out;
  int64_t shard_mib = 512;
  PackWriterOptions writer;
  bool json = false;
};

void print(const PackArguments& given, const PackSummary& summary) {
  const PackManifest& pack = summary.manifest;
  if (given.json) {
    const nlohmann::json root = {{"out", given.out.string()},        {"images", pack.images},
                                 {"classes", pack.classes.size()},   {"shards", pack.shards.size()},
                                 {"jpeg_bytes", summary.jpeg_bytes}, {"skipped", summary.skipped},
                                 {"seconds", summary.seconds},       {"notes", pack.notes}};
    std::printf("%s\n", json_text(root).c_str());
    return;
  }
  std::printf("%s: %ld images, %zu classes, %zu shard(s), %.1f MB of JPEG, %.1f s\n",
              given.out.c_str(), pack.images, pack.classes.size(), pack.shards.size(),
              static_cast<double>(summary.jpeg_bytes) * 1e-6, summary.seconds);
  for (const std::string& note : pack.notes) std::printf("note: %s\n", note.c_str());
}

int write(PackArguments& given, const ImportedImages& images) {
  given.writer.shard_bytes = given.shard_mib << 20;
  print(given, write_pack(images, given.out, given.writer));
  return 0;
}

void add_common(CLI::App& command, const std::shared_ptr<PackArguments>& given) {
  command.add_option("--out", given->out, "folder of the pack; must not exist")
      ->check(new_folder())
      ->required();
  command.add_option("--threads", given->writer.threads, "reading threads; 0: as many as cores")
      ->check(CLI::Range(0, 1024));
  command.add_option("--shard-mib", given->shard_mib, "JPEG data of a shard, MiB")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  command.add_flag("--skip-bad", given->writer.skip_bad,
                   "leave damaged image files out and count them");
  command.add_flag("--json", given->json, "print the summary as JSON");
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
    slot.work = [given](int&, char**&) { return write(*given, import_voc(given->voc)); };
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
    slot.work = [given](int&, char**&) { return write(*given, import_coco(given->coco)); };
  });

  CLI::App* manifest = pack->add_subcommand(
      "manifest",
      "Your own images: JSON lines {\"image\": ..., \"labels\": [...], \"ignore\": [...]}");
  manifest
      ->add_option("--images", given->manifest.images,
                   "folder that the image paths are relative to")
      ->required();
  manifest->add_option("--manifest", given->manifest.manifest, "the JSONL file")->required();
  manifest->add_option("--classes", given->manifest.classes,
                       "class names, one a line; default: all labels, sorted");
  add_common(*manifest, given);
  manifest->footer(
      "Example: catamaran pack manifest --images photos --manifest labels.jsonl --out packs/mine");
  manifest->callback([&slot, given] {
    slot.work = [given](int&, char**&) { return write(*given, import_manifest(given->manifest)); };
  });
}

}  // namespace catamaran
