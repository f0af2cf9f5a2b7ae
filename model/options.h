// Options of the network: one struct per part, defaults of recipe `paper`. Every ambiguity of the
// paper is one switch (docs/model.md lists them with their reasons).
// Plain data, no torch.
//
// JSON in and out, for the metadata of model.safetensors: to_json(options),
// cat_options_from_json(text) (WeightsError on an unknown key or value).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "model/backbone_names.h"

namespace catamaran {

constexpr int64_t kMostLabels = 65536;

struct InputOptions {
  int64_t size = 448;  // side of the square, pixels
  std::array<double, 3> mean = InputStatistics{}.mean;
  std::array<double, 3> std = InputStatistics{}.std;
};

struct BackboneOptions {
  std::string name = "resnext50_32x4d";  // one of backbone_names()
  std::string bn = "local";  // local, sync: statistics of this rank, of all ranks; frozen: eval
                             // mode with fixed affine parameters
};

struct FpnOptions {
  bool enabled = true;                         // false: one head on S5; lrd and cla must be off too
  std::string topdown = "conv_then_upsample";  // upsample_then_conv, deconv
  bool share_td_conv = false;
};

struct AttentionOptions {
  int64_t dim = 512;  // d
  int64_t heads = 8;
  int64_t ffn_dim = 2048;
  double dropout = 0.1;
  std::string norm = "post";      // post, pre
  std::string position = "none";  // none, sine2d
};

struct ClaOptions {
  bool enabled = true;          // false: w/o CLF, the heads read P5 (LRD), P4, P3
  bool residual = true;         // add I1
  std::string query = "upper";  // upper: the upper level's tokens; upsampled
  bool pma = true;              // max-pool keys and values
  int64_t kv_stride_p4 = 2;     // kernel = stride of the max-pool
  int64_t kv_stride_p3 = 4;
  int64_t kv_grid = 0;  // > 0: pooled to so many cells a side instead, whatever the level's size
};

struct HeadOptions {
  std::string pool = "mean";  // mean, max, topk, csra
  int64_t topk = 4;           // at most the tokens of the highest level
  double csra_lambda = 0.2;
  double csra_temperature = 1;
  bool frozen_fusion = false;  // alpha, beta, gamma stay 1/3
};

struct CatOptions {
  InputOptions input;
  BackboneOptions backbone;
  FpnOptions fpn;
  bool lrd_enabled = true;
  AttentionOptions attention;
  ClaOptions cla;
  HeadOptions head;

  std::vector<std::string> problems() const;  // support/problems.h: model.attention.heads, ...
  void check() const;                         // UsageError naming the keys
};

std::string to_json(const CatOptions& options);
CatOptions cat_options_from_json(const std::string& text, const std::string& where);

}  // namespace catamaran
