#include "dataio/pack_writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dataio/jpeg_decoder.h"
#include "dataio/pack_plan.h"
#include "dataio/partial_pack.h"
#include "dataio/repeated_pictures.h"
#include "dataio/shard_writer.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/error.h"
#include "support/log.h"
#include "support/open_files.h"
#include "support/parallel_for.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBadImagesTold = 10;  // in a message
constexpr size_t kBlockImages = 256;   // read ahead by the workers at a time, at most
constexpr unsigned char kDelete = 0x7F;
constexpr int64_t kOtherFiles = 64;      // that a process has open beside shards
constexpr int64_t kMostShards = 50'000;  // of which pack.json still keeps below its limit

[[noreturn]] void refuse_bad(std::vector<std::string> first, int64_t count, bool are_of_packs) {
  first.resize(std::min(first.size(), kBadImagesTold));
  throw DataError(
      std::to_string(count) + " image file(s) cannot be packed:" + first_of(first, count), "",
      are_of_packs ? "copy the pack again, or leave them out: pack reshard --skip-bad"
                   : "repair or remove them, or pack without them: --skip-bad");
}

// What JSON, HDF5's C strings and a line of a message all carry.
void require_names(const std::vector<std::string>& names, const std::string& of) {
  for (const std::string& name : names) {
    const bool controls =
        std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == kDelete; });
    if (!name.empty() && is_utf8(name) && !controls) continue;
    throw DataError("'" + printable(name) + "' is no name of " + of, "",
                    "names are UTF-8, not empty, and without control characters");
  }
}

// Pixels can be carried over, not made into files or squares of another side.
void require_sources(const ImportedImages& imported, const PackWriterOptions& options) {
  for (const ImportedImage& image : imported.images) {
    if (image.pack == nullptr || image.pack->pixels() == 0) continue;
    if (image.pack->pixels() == options.pixels) continue;
    throw UsageError(text("the pack %s holds pixels of %ld x %ld, which cannot become others",
                          image.pack->folder().c_str(), image.pack->pixels(), image.pack->pixels()),
                     "--pixels", "begin with the pack of the JPEG files");
  }
  if (options.pixels > 0 && !options.decode)
    throw UsageError("pixels are made by decoding", "--no-decode", "leave it out");
  if (options.restart_markers && options.pixels > 0)
    throw UsageError("pixels have no restart markers", "--restart-markers", "leave it out");
  if (options.restart_markers && !options.decode)
    throw UsageError("a file is written anew by decoding it", "--no-decode", "leave it out");
}

// A pack that can be written can be read, too.
void require_few_shards(int64_t shards) {
  const int64_t most = std::clamp(open_file_limit() - kOtherFiles, int64_t{1}, kMostShards);
  if (shards <= most) return;
  throw UsageError(text("%ld shards are more than the %ld that a pack may have here", shards, most),
                   "--shard-mib", "allow larger shards");
}

IntakeOptions intake_options(const PackWriterOptions& options) {
  return {.pixels = options.pixels,
          .decode = options.decode,
          .restart_markers = options.restart_markers};
}

// Whether what is stored is something else than the files themselves.
bool differs_from_files(const ImportedImages& imported, const PackWriterOptions& options) {
  const auto is_made = [](const ImportedImage& image) {
    return image.pack != nullptr && image.pack->manifest().has_files;
  };
  return options.pixels > 0 || options.restart_markers ||
         std::ranges::any_of(imported.images, is_made);
}

// Packs the parts of a plan one after the other.
class PackRun {
 public:
  PackRun(const ImportedImages& imported, const PackPlan& plan, const PackWriterOptions& options,
          bool has_files, PartialPack& partial)
      : imported_(imported),
        plan_(plan),
        options_(options),
        partial_(partial),
        has_files_(has_files),
        progress_("packing", std::ssize(imported.images), "images", options.progress) {}

  // Bad images end the writing where they may not be left out, yet all are looked at.
  void run(PackSummary& summary) {
    for (int64_t number = 0; number < std::ssize(plan_.parts); ++number) {
      const PackPlan::Part& part = plan_.parts[static_cast<size_t>(number)];
      std::set<int64_t> left_out;
      std::optional<ShardInfo> shard = partial_.finished(number, part.fingerprint);
      // An earlier part may have another number of shards now.
      if (shard && shard->file != shard_name(next_shard_)) shard.reset();
      if (shard) {
        progress_.advance(part.end - part.begin);
        ++summary.kept_shards;
      } else {
        tell_of_kept(summary.kept_shards);
        shard = write_part(part, left_out);
        // A part of which something is left out is looked at again by the next run: what could not
        // be read may be there then.
        if (shard && left_out.empty()) partial_.finish(number, part.fingerprint, *shard);
      }
      if (shard) count(part, left_out, *shard, summary.manifest);
    }
    tell_of_kept(summary.kept_shards);
    if (bad_count_ > 0 && !options_.skip_bad)
      refuse_bad(bad_, bad_count_, image(0).pack != nullptr);
    summary.skipped = bad_count_;
    note_bad(summary.manifest);
  }

 private:
  using Indices = std::vector<int64_t>;

  // A shard's extent is fixed before its images are read; where one of them turns out bad, the
  // shard is written again without it.
  std::optional<ShardInfo> write_part(const PackPlan::Part& part, std::set<int64_t>& left_out) {
    while (true) {
      Indices images;
      for (int64_t i = part.begin; i < part.end; ++i) {
        if (!left_out.contains(i)) images.push_back(i);
      }
      if (images.empty()) return std::nullopt;
      const bool writes = bad_count_ == 0 || options_.skip_bad;
      const size_t before = left_out.size();
      std::optional<ShardInfo> shard = write_images(images, writes, left_out);
      if (left_out.size() == before || !options_.skip_bad) return shard;
    }
  }

  // None where an image was bad; those are added to `left_out`.
  std::optional<ShardInfo> write_images(const Indices& images, bool writes,
                                        std::set<int64_t>& left_out) {
    const bool first_time = left_out.empty();
    const fs::path path = partial_.folder() / shard_name(next_shard_);
    std::optional<ShardWriter> writer;
    if (writes) writer.emplace(path, imported_.classes, shape_of(images));
    for (size_t begin = 0; begin < images.size();) {
      const size_t end = end_of_block(images, begin);
      const std::vector<PackedImage> block = read_block(images, begin, end);
      for (size_t i = begin; i < end; ++i) {
        const PackedImage& packed = block[i - begin];
        if (!packed.problem.empty()) {
          left_out.insert(images[i]);
          add_bad(packed.problem);
          writer.reset();
        } else if (writer) {
          writer->add(image(images[i]), packed);
        }
      }
      if (first_time) progress_.advance(static_cast<int64_t>(end - begin));
      begin = end;
    }
    return writer ? std::optional(writer->finish()) : std::nullopt;
  }

  void add_bad(const std::string& why) {
    ++bad_count_;
    if (bad_.size() < kBadImagesNamed) bad_.push_back(why);
  }

  // Once, before the first shard that is written.
  void tell_of_kept(int64_t kept) {
    if (kept == 0 || std::exchange(told_of_kept_, true)) return;
    log::info(text("%ld of %zu shards were finished by a run that ended early and are kept", kept,
                   plan_.parts.size()));
  }

  ShardShape shape_of(const Indices& images) const {
    ShardShape shape{.images = std::ssize(images), .bytes = 0, .pixels = options_.pixels};
    for (const int64_t i : images) shape.bytes += plan_.bytes[static_cast<size_t>(i)];
    if (options_.restart_markers) shape.bytes = kUnknownBytes;
    shape.files = has_files_;
    return shape;
  }

  size_t end_of_block(const Indices& images, size_t begin) const {
    size_t end = begin;
    int64_t bytes = 0;
    while (end < images.size() && end - begin < kBlockImages) {
      bytes += plan_.bytes[static_cast<size_t>(images[end])];
      if (end > begin && bytes > kLargestReadAhead) break;
      ++end;
    }
    return end;
  }

  std::vector<PackedImage> read_block(const Indices& images, size_t begin, size_t end) const {
    std::vector<PackedImage> block(end - begin);
    parallel_for(std::ssize(block), threads_or_cores(options_.threads), [&] {
      return [&, intake = ImageIntake(intake_options(options_))](int64_t i) mutable {
        const auto at = static_cast<size_t>(i);
        block[at] = intake.take(image(images[begin + at]));
        require_planned_bytes(images[begin + at], block[at]);
      };
    });
    return block;
  }

  void require_planned_bytes(int64_t i, PackedImage& packed) const {
    const int64_t planned = plan_.bytes[static_cast<size_t>(i)];
    if (options_.restart_markers) return;  // what a file becomes is not known before
    if (!packed.problem.empty() || std::ssize(packed.bytes) == planned) return;
    packed.problem = text("%s: the file had %ld bytes and has %zu now", image(i).file.c_str(),
                          planned, packed.bytes.size());
  }

  void count(const PackPlan::Part& part, const std::set<int64_t>& left_out, const ShardInfo& shard,
             PackManifest& manifest) {
    for (int64_t i = part.begin; i < part.end; ++i) {
      if (left_out.contains(i)) continue;
      count_labels(image(i).labels, manifest.positives, manifest.ignored);
    }
    manifest.images += shard.images;
    manifest.shards.push_back(shard);
    ++next_shard_;
  }

  void note_bad(PackManifest& manifest) const {
    if (bad_count_ == 0) return;
    manifest.notes.push_back(
        text("%ld damaged image files were left out (--skip-bad)", bad_count_));
    for (const std::string& why : bad_) manifest.notes.push_back("left out: " + why);
  }

  const ImportedImage& image(int64_t i) const { return imported_.images[static_cast<size_t>(i)]; }

  const ImportedImages& imported_;
  const PackPlan& plan_;
  const PackWriterOptions& options_;
  PartialPack& partial_;
  const bool has_files_;
  Progress progress_;
  std::vector<std::string> bad_;  // the first kBadImagesNamed
  int64_t bad_count_ = 0;
  bool told_of_kept_ = false;
  int64_t next_shard_ = 0;
};

}  // namespace

PackSummary write_pack(const ImportedImages& imported, const fs::path& out,
                       const PackWriterOptions& options) {
  if (imported.images.empty())
    throw DataError("there are no images to pack", out.string(),
                    "check the split and the label files");
  require_names(imported.classes, "a class");
  for (const ImportedImage& image : imported.images) require_names({image.id}, "an image");
  require_sources(imported, options);
  const Stopwatch watch;
  const PackPlan plan =
      plan_pack(imported, {.shard_bytes = options.shard_bytes, .intake = intake_options(options)});
  require_few_shards(std::ssize(plan.parts));
  PartialPack partial(out, plan.fingerprint);
  if (!options.resumable) partial.forget_unless_committed();
  PackSummary summary;
  PackManifest& manifest = summary.manifest;
  manifest.pixels = options.pixels;
  manifest.has_files = differs_from_files(imported, options);
  manifest.data_set = imported.data_set;
  manifest.split = imported.split;
  manifest.classes = imported.classes;
  manifest.positives.assign(imported.classes.size(), 0);
  manifest.ignored.assign(imported.classes.size(), 0);
  manifest.sources = imported.sources;
  manifest.decoder = imported.decoder.empty() ? decoder_version() : imported.decoder;
  manifest.notes = imported.notes;
  if (options.restart_markers)
    manifest.notes.push_back(
        "JPEG files were written anew with restart markers, of the same pixels");
  PackRun(imported, plan, options, manifest.has_files, partial).run(summary);
  if (manifest.images == 0)
    throw DataError("no image is left to pack", out.string(), "check the image files");
  const fs::path file = partial.folder() / "pack.json";
  write_file_atomically(file, pack_manifest_json(manifest));
  const PackReader written(partial.folder());  // what follows is told from the pack itself
  for (int64_t i = 0; i < written.images(); ++i) summary.image_bytes += written.image_bytes(i);
  note_repeated(written, manifest.notes);
  write_file_atomically(file, pack_manifest_json(manifest));
  std::set<std::string> files = {"pack.json"};
  for (const ShardInfo& shard : manifest.shards) files.insert(shard.file);
  partial.commit(files);
  summary.seconds = watch.seconds();
  return summary;
}

}  // namespace catamaran
