#include "launch/plan_inputs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

constexpr ErrorKind kKind = ErrorKind::kUsage;
constexpr int kPieces = 8;  // of a part's gradients

constexpr std::array<PublishedGpu, 4> kPublished = {{
    {"v100", 490, 4.26, "ResNeXt50-32x4d, 224 px, AMP",
     "github.com/Alibaba-MIIL/TResNet, README.md"},
    {"rtx3090", 997, 4.26, "swsl_resnext50_32x4d, 224 px, AMP, channels-last",
     "github.com/huggingface/pytorch-image-models, "
     "results/benchmark-train-amp-nhwc-pt112-cu113-rtx3090.csv"},
    {"a100", 908, 8.01, "ResNeXt101-32x4d, 224 px, AMP",
     "github.com/NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnext101-32x4d"},
    {"v100-dgx", 535, 8.01, "ResNeXt101-32x4d, 224 px, AMP",
     "github.com/NVIDIA/DeepLearningExamples, PyTorch/Classification/ConvNets/resnext101-32x4d"},
}};

double number(const nlohmann::json& object, const std::string& key, const std::string& where,
              bool may_be_zero = true) {
  const auto value = json_field<double>(object, key, where, kKind);
  if (!std::isfinite(value) || value < 0 || (value == 0 && !may_be_zero))
    throw_json_field(key, may_be_zero ? "must be 0 or more" : "must be above 0", where, kKind);
  return value;
}

}  // namespace

MeasuredStep read_step(const std::filesystem::path& file) {
  const std::string where = file.string();
  const nlohmann::json root = read_json_file(file, kKind);
  MeasuredStep step;
  step.images = json_field<int64_t>(root, "images", where, kKind);
  if (step.images < 1) throw_json_field("images", "must be 1 or more", where, kKind);
  step.forward_seconds = number(root, "forward_seconds", where);
  step.backward_seconds = number(root, "backward_seconds", where, /*may_be_zero=*/false);
  step.optimizer_seconds = number(root, "optimizer_seconds", where);
  step.spread = number(root, "spread", where);
  const auto gradients = json_field<nlohmann::json>(root, "gradients", where, kKind);
  if (!gradients.is_array()) throw_json_field("gradients", "has the wrong type", where, kKind);
  for (const nlohmann::json& gradient : gradients) {
    const auto bytes = json_field<int64_t>(gradient, "bytes", where + ": gradients", kKind);
    if (bytes < 0) throw_json_field("bytes", "must be 0 or more", where + ": gradients", kKind);
    step.gradients.push_back({bytes, number(gradient, "seconds", where + ": gradients")});
  }
  std::ranges::stable_sort(step.gradients, {}, &ReadyGradient::seconds);
  return step;
}

Link read_link(const std::filesystem::path& file) {
  const std::string where = file.string();
  const nlohmann::json root = read_json_file(file, kKind);
  const auto world = json_field<int64_t>(root, "world", where, kKind);
  if (world < 2)
    throw UsageError("all-reduces of one rank (world 1) say nothing of a network", where,
                     "measure more: catamaran bench allreduce --ranks 2 --out FILE");
  if (root.contains("nodes") && json_field<int64_t>(root, "nodes", where, kKind) != 1)
    throw UsageError("it was measured across nodes, and says nothing of the inside of one", where,
                     "measure on one node; give the network between nodes by --bandwidth-gbits "
                     "and --latency-us");
  const auto n = static_cast<double>(world);
  return {.latency_seconds = number(root, "latency_seconds", where) / (2 * (n - 1)),
          .bandwidth_bytes_per_second =
              number(root, "bandwidth_bytes_per_second", where, false) * 2 * (n - 1) / n};
}

std::span<const PublishedGpu> published_gpus() { return kPublished; }

const PublishedGpu& published_gpu(const std::string& name) {
  std::string known;
  for (const PublishedGpu& gpu : kPublished) {
    if (gpu.name == name) return gpu;
    known += (known.empty() ? "" : ", ") + std::string(gpu.name);
  }
  throw UsageError("no published throughput is known of '" + name + "'", "--gpu",
                   "one of " + known + "; or measure: catamaran bench step");
}

double published_seconds(const PublishedGpu& gpu, const ModelCost& cost, int64_t images) {
  const double gmac = static_cast<double>(cost.total().macs) * 1e-9;
  return static_cast<double>(images) * gmac / (gpu.images_per_second * gpu.gmac);
}

MeasuredStep estimated_step(const ModelCost& cost, double seconds, int64_t images) {
  MeasuredStep step;
  step.images = images;
  step.forward_seconds = seconds / 3;
  step.backward_seconds = seconds - step.forward_seconds;
  const double all = std::max(1.0, static_cast<double>(cost.total().macs));
  double at = 0;
  for (auto part = cost.parts.rbegin(); part != cost.parts.rend(); ++part) {
    const double takes = step.backward_seconds * static_cast<double>(part->macs) / all;
    const int64_t bytes = part->trained * static_cast<int64_t>(sizeof(float));
    for (int piece = 1; piece <= kPieces; ++piece) {
      step.gradients.push_back(
          {bytes * piece / kPieces - bytes * (piece - 1) / kPieces, at + takes * piece / kPieces});
    }
    at += takes;
  }
  return step;
}

}  // namespace catamaran
