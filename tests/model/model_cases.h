// Small models of every kind: one for each switch, each by the change that makes it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "small_options.h"

namespace catamaran {

inline CatOptions options_with(const std::function<void(CatOptions&)>& change, double dropout = 0) {
  CatOptions options = small_options();
  options.attention.dropout = dropout;
  change(options);
  return options;
}

struct Case {
  std::string name;
  std::function<void(CatOptions&)> change;
};

inline std::vector<Case> cases() {
  std::vector<Case> all = {
      {"cat", [](CatOptions&) {}},
      {"resnet18", [](CatOptions& o) { o.backbone.name = "resnet18"; }},
      {"resnext50", [](CatOptions& o) { o.backbone.name = "resnext50_32x4d"; }},
      {"backbone", [](CatOptions& o) { o.fpn.enabled = o.lrd_enabled = o.cla.enabled = false; }},
      {"backbone_fpn", [](CatOptions& o) { o.lrd_enabled = o.cla.enabled = false; }},
      {"without_lrd", [](CatOptions& o) { o.lrd_enabled = false; }},
      {"without_clf", [](CatOptions& o) { o.cla.enabled = false; }},
      {"without_pma", [](CatOptions& o) { o.cla.pma = false; }},
      {"without_residual", [](CatOptions& o) { o.cla.residual = false; }},
      {"upsampled_query", [](CatOptions& o) { o.cla.query = "upsampled"; }},
      {"pre_norm", [](CatOptions& o) { o.attention.norm = "pre"; }},
      {"sine2d", [](CatOptions& o) { o.attention.position = "sine2d"; }},
      {"frozen_bn", [](CatOptions& o) { o.backbone.bn = "frozen"; }},
      {"lite0", [](CatOptions& o) { o.backbone.name = "tf_efficientnet_lite0"; }},
      {"backbone_lite0",
       [](CatOptions& o) {
         o.backbone.name = "tf_efficientnet_lite0";
         o.fpn.enabled = o.lrd_enabled = o.cla.enabled = false;
       }},
      {"convnext", [](CatOptions& o) { o.backbone.name = "convnext_tiny"; }},
      {"windows_by_grid", [](CatOptions& o) { o.cla.kv_grid = 3; }},
      {"odd_windows", [](CatOptions& o) { o.cla.kv_stride_p3 = o.cla.kv_stride_p4 = 3; }},
  };
  for (const char* topdown : {"upsample_then_conv", "deconv"})
    all.push_back({topdown, [topdown](CatOptions& o) { o.fpn.topdown = topdown; }});
  for (const char* pool : {"max", "topk", "csra"}) {
    all.push_back({pool, [pool](CatOptions& o) { o.head.pool = pool; }});
    all.push_back({std::string("backbone_") + pool, [pool](CatOptions& o) {
                     o.head.pool = pool;
                     o.fpn.enabled = o.lrd_enabled = o.cla.enabled = false;
                   }});
  }
  return all;
}

// Tested once, by its plain case: its tests take seconds.
inline bool is_large(const Case& each) {
  return each.name == "resnext50" || each.name == "convnext";
}

}  // namespace catamaran
