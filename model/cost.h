// What a model costs, measured on the model itself: parameters, multiply-accumulates of a forward
// pass, and the activations that a training step keeps for backward, part by part.
//
//   const ModelCost cost = measure_cost(options, /*labels=*/80, AttentionKernel::kFused);
//   cost.total().macs;                   // of one image; a multiply-accumulate is two FLOPs
//   cost.total().saved_bytes;            // of one image, fp32
//
// It builds the model with random weights and runs one forward pass in training mode on the CPU
// (seconds at 448 px), watched by model/op_observer.h, which says how bytes are counted; nothing is
// derived from formulas, so a change of the model changes the numbers. kMaterialised keeps the
// attention matrix of every head (the plain kernel), kFused does not (flash attention). Not
// counted: gradients of activations, which live only a short time, workspaces of kernels and
// element-wise arithmetic. Errors: UsageError from options.check(). One thread at a time: it
// chooses LibTorch's attention kernel while it runs, and draws from its random generator.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/options.h"

namespace catamaran {

enum class AttentionKernel { kMaterialised, kFused };

struct PartCost {
  std::string name;           // backbone, fpn, lrd, cla4, cla3, heads
  int64_t parameters = 0;     // values
  int64_t trained = 0;        // of them with a gradient
  int64_t macs = 0;           // of one image
  int64_t queries = 0;        // tokens of its attention, of one image; 0: it has none
  int64_t keys = 0;           //
  int64_t saved_bytes = 0;    // of one image, everything in fp32
  int64_t reduced_bytes = 0;  // of one image, under bf16 or fp16 autocast
};

struct ModelCost {
  std::vector<PartCost> parts;  // those the model has, in the order of the forward pass
  PartCost total() const;       // name "total", no tokens
};

ModelCost measure_cost(const CatOptions& options, int64_t labels, AttentionKernel kernel);

// One cross-layer block (CLA on P4, stride kv_stride_p4) by itself, between an upper map of side x
// side and a lower one of height x width: what grows, and how, with the lower level's area.
struct CrossLayerShape {
  int64_t upper_side = 14;
  int64_t lower_height = 28;
  int64_t lower_width = 28;
};
PartCost measure_cross_layer(const AttentionOptions& attention, const ClaOptions& cla,
                             const CrossLayerShape& shape, AttentionKernel kernel);

}  // namespace catamaran
