#include "dataio/pack_plan.h"

#include <hdf5.h>

#include <chrono>
#include <string_view>

#include "dataio/jpeg_decoder.h"
#include "support/hash.h"
#include "support/text.h"

namespace catamaran {
namespace {

// A hash over records of any number, of which only the last state is kept.
class Fingerprint {
 public:
  void add(std::string_view record) {
    std::string with_state = to_hex(state_);
    with_state += record;
    state_ = xxh3(with_state);
  }
  std::string hex() const { return to_hex(state_); }

 private:
  uint64_t state_ = 0;
};

std::string source_of(const ImportedImage& image) {
  if (image.pack != nullptr)
    return "pack " + to_hex(image.pack->checksum(image.at)) +
           to_hex(image.pack->picture(image.at).checksum) + image.pack->folder().string();
  std::error_code code;
  const auto time = std::filesystem::last_write_time(image.file, code).time_since_epoch().count();
  return text("file %lld ", static_cast<long long>(code ? 0 : time)) + image.file.string();
}

void plan_parts(const ImportedImages& imported, const PackPlanOptions& options, PackPlan& plan) {
  int64_t in_shard = 0;
  for (int64_t i = 0; i < std::ssize(imported.images); ++i) {
    const int64_t bytes = packed_bytes(imported.images[static_cast<size_t>(i)], options.intake);
    if (plan.parts.empty() || in_shard + bytes > options.shard_bytes) {
      plan.parts.push_back({.begin = i, .end = i, .fingerprint = ""});
      in_shard = 0;
    }
    plan.parts.back().end = i + 1;
    plan.bytes.push_back(bytes);
    in_shard += bytes;
  }
}

}  // namespace

PackPlan plan_pack(const ImportedImages& imported, const PackPlanOptions& options) {
  PackPlan plan;
  plan.bytes.reserve(imported.images.size());
  plan_parts(imported, options, plan);
  Fingerprint of_plan;
  of_plan.add(text("writer 2, %ld %ld %d %d, HDF5 %s, ", options.shard_bytes, options.intake.pixels,
                   options.intake.decode ? 1 : 0, options.intake.restart_markers ? 1 : 0,
                   H5_VERS_INFO) +
              decoder_version());
  for (const std::string& name : imported.classes) of_plan.add(name);
  plan.fingerprint = of_plan.hex();
  for (PackPlan::Part& part : plan.parts) {
    Fingerprint of_part;
    for (auto i = static_cast<size_t>(part.begin); i < static_cast<size_t>(part.end); ++i) {
      const ImportedImage& image = imported.images[i];
      of_part.add(image.id);
      of_part.add({reinterpret_cast<const char*>(image.labels.data()), image.labels.size()});
      of_part.add(std::to_string(plan.bytes[i]) + source_of(image));
    }
    part.fingerprint = of_part.hex();
  }
  return plan;
}

}  // namespace catamaran
