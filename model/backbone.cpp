#include "model/backbone.h"

#include "model/convnext.h"
#include "model/efficientnet_lite.h"
#include "model/random_init.h"
#include "model/resnet.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

struct Entry {
  const char* name;  // timm's, where timm has it
  std::shared_ptr<Backbone> (*make)();
};

// The registry: one line a backbone.
constexpr std::array<Entry, 10> kBackbones = {{
    {"resnet10_narrow",
     [] {
       return make_resnet({.blocks = {1, 1, 1, 1}, .width = 16, .small_stem = true});
     }},
    {"resnet18",
     [] {
       return make_resnet({.blocks = {2, 2, 2, 2}});
     }},
    {"resnet50",
     [] {
       return make_resnet({.blocks = {3, 4, 6, 3}, .bottleneck = true});
     }},
    {"resnet101",
     [] {
       return make_resnet({.blocks = {3, 4, 23, 3}, .bottleneck = true});
     }},
    {"resnext50_32x4d",
     [] {
       return make_resnet(
           {.blocks = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .base_width = 4});
     }},
    {"resnext101_32x8d",
     [] {
       return make_resnet(
           {.blocks = {3, 4, 23, 3}, .bottleneck = true, .groups = 32, .base_width = 8});
     }},
    {"tf_efficientnet_lite0", [] { return make_efficientnet_lite({.width = 1.0, .depth = 1.0}); }},
    {"tf_efficientnet_lite1", [] { return make_efficientnet_lite({.width = 1.0, .depth = 1.1}); }},
    {"tf_efficientnet_lite2", [] { return make_efficientnet_lite({.width = 1.1, .depth = 1.2}); }},
    {"convnext_tiny",
     [] {
       return make_convnext({.blocks = {3, 3, 9, 3}, .width = 96});
     }},
}};

}  // namespace

std::vector<std::string> backbone_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kBackbones) names.emplace_back(entry.name);
  return names;
}

std::string backbone_names_text() {
  std::string text;
  for (const Entry& entry : kBackbones)
    text += (text.empty() ? "" : ", ") + std::string(entry.name);
  return text;
}

std::shared_ptr<Backbone> make_backbone(const std::string& name) {
  for (const Entry& entry : kBackbones) {
    if (name == entry.name) return entry.make();
  }
  throw UsageError("there is no backbone '" + name + "'", "model.backbone.name",
                   "use one of " + backbone_names_text());
}

void Backbone::initialise(at::Generator generator) {
  for (const auto& module : modules()) {
    if (auto* conv = module->as<torch::nn::Conv2dImpl>()) he_normal(*conv, generator);
    if (auto* norm = module->as<torch::nn::BatchNorm2dImpl>()) norm->reset_parameters();
  }
}

bool Backbone::is_classifier(std::string_view file_name) const {
  return file_name.starts_with("fc.");
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
