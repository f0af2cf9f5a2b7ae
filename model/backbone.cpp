#include "model/backbone.h"

#include <algorithm>

#include "model/convnext.h"
#include "model/efficientnet_lite.h"
#include "model/random_init.h"
#include "model/resnet.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

struct BackboneEntry {
  const char* name;  // timm's, where timm has it
  std::shared_ptr<Backbone> (*make)(BackboneEnd);
  int64_t stride = 32;       // of S5
  bool rounds_down = false;  // a side that the stride does not divide; else up
  std::optional<InputStatistics> published_input = InputStatistics{};
};

constexpr InputStatistics kHalf = {.mean = {0.5, 0.5, 0.5}, .std = {0.5, 0.5, 0.5}};

// The registry: one entry a backbone.
constexpr std::array<BackboneEntry, 10> kBackbones = {{
    {.name = "resnet10_narrow",
     .make =
         [](BackboneEnd) {
           return make_resnet({.blocks = {1, 1, 1, 1}, .width = 16, .small_stem = true});
         },
     .stride = 16,
     .published_input = std::nullopt},
    {.name = "resnet18",
     .make =
         [](BackboneEnd) {
           return make_resnet({.blocks = {2, 2, 2, 2}});
         }},
    {.name = "resnet50",
     .make =
         [](BackboneEnd) {
           return make_resnet({.blocks = {3, 4, 6, 3}, .bottleneck = true});
         }},
    {.name = "resnet101",
     .make =
         [](BackboneEnd) {
           return make_resnet({.blocks = {3, 4, 23, 3}, .bottleneck = true});
         }},
    {.name = "resnext50_32x4d",
     .make =
         [](BackboneEnd) {
           return make_resnet(
               {.blocks = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .base_width = 4});
         }},
    {.name = "resnext101_32x8d",
     .make =
         [](BackboneEnd) {
           return make_resnet(
               {.blocks = {3, 4, 23, 3}, .bottleneck = true, .groups = 32, .base_width = 8});
         }},
    {.name = "tf_efficientnet_lite0",
     .make =
         [](BackboneEnd end) { return make_efficientnet_lite({.width = 1.0, .depth = 1.0}, end); },
     .published_input = kHalf},
    {.name = "tf_efficientnet_lite1",
     .make =
         [](BackboneEnd end) { return make_efficientnet_lite({.width = 1.0, .depth = 1.1}, end); },
     .published_input = kHalf},
    {.name = "tf_efficientnet_lite2",
     .make =
         [](BackboneEnd end) { return make_efficientnet_lite({.width = 1.1, .depth = 1.2}, end); },
     .published_input = kHalf},
    {.name = "convnext_tiny",
     .make =
         [](BackboneEnd) {
           return make_convnext({.blocks = {3, 3, 9, 3}, .width = 96});
         },
     .rounds_down = true},
}};

const BackboneEntry* backbone_entry(const std::string& name) {
  const auto* found = std::ranges::find_if(
      kBackbones, [&](const BackboneEntry& entry) { return name == entry.name; });
  return found == kBackbones.end() ? nullptr : found;
}

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const BackboneEntry& entry : kBackbones) names.emplace_back(entry.name);
  return names;
}

std::string backbone_names_text() {
  std::string text;
  for (const BackboneEntry& entry : kBackbones)
    text += (text.empty() ? "" : ", ") + std::string(entry.name);
  return text;
}

std::optional<int64_t> highest_level_side(const std::string& name, int64_t input_size) {
  const BackboneEntry* entry = backbone_entry(name);
  if (entry == nullptr) return std::nullopt;
  return (input_size + (entry->rounds_down ? 0 : entry->stride - 1)) / entry->stride;
}

std::optional<InputStatistics> published_input(const std::string& name) {
  const BackboneEntry* entry = backbone_entry(name);
  return entry == nullptr ? std::nullopt : entry->published_input;
}

std::shared_ptr<Backbone> make_backbone(const std::string& name, BackboneEnd end) {
  const BackboneEntry* entry = backbone_entry(name);
  if (entry != nullptr) return entry->make(end);
  throw UsageError("there is no backbone '" + name + "'", "model.backbone.name",
                   "use one of " + backbone_names_text());
}

void Backbone::initialise(at::Generator generator) {
  for (const auto& module : modules()) {
    if (auto* conv = module->as<torch::nn::Conv2dImpl>()) he_normal(*conv, generator);
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) norm->reset_parameters();
  }
}

bool Backbone::is_past_end(std::string_view file_name) const {
  return file_name.starts_with("fc.");
}

void Backbone::share_all_statistics(const StatisticsExchangePtr& exchange) {
  for (const auto& module : modules()) {
    if (auto* owner = dynamic_cast<ConvNormOwner*>(module.get())) owner->share_statistics(exchange);
  }
}

int64_t Backbone::fold_all_batch_norms() {
  CATAMARAN_ASSERT(!is_training(), "folding uses the running statistics of eval mode");
  int64_t folded = 0;
  for (const auto& module : modules()) {
    if (auto* owner = dynamic_cast<ConvNormOwner*>(module.get()))
      folded += owner->fold_batch_norms();
  }
  folded_ = folded > 0;
  if (folded_) register_buffer(kFoldedMark, torch::ones({}));
  return folded;
}

}  // namespace catamaran
