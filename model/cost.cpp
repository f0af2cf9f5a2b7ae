#include "model/cost.h"

#include <ATen/Context.h>

#include <algorithm>

#include "model/cat.h"
#include "model/op_observer.h"
#include "model/part_names.h"
#include "support/assert.h"

namespace catamaran {
namespace {

// LibTorch's choice of attention kernel, set back at the end of the scope.
class KernelChoice {
 public:
  explicit KernelChoice(AttentionKernel kernel)
      : flash_(at::globalContext().userEnabledFlashSDP()),
        math_(at::globalContext().userEnabledMathSDP()) {
    at::globalContext().setSDPUseFlash(kernel == AttentionKernel::kFused);
    at::globalContext().setSDPUseMath(kernel == AttentionKernel::kMaterialised);
  }
  KernelChoice(const KernelChoice&) = delete;
  KernelChoice& operator=(const KernelChoice&) = delete;
  ~KernelChoice() {
    at::globalContext().setSDPUseFlash(flash_);
    at::globalContext().setSDPUseMath(math_);
  }

 private:
  bool flash_;
  bool math_;
};

// On GPUs the fused kernel does its own dropout and keeps two numbers for it; on the CPU it has
// none, so attention alone goes without.
void prepare(torch::nn::Module& module, AttentionKernel kernel) {
  module.train();
  if (kernel == AttentionKernel::kMaterialised) return;
  for (const auto& each : module.modules()) {
    if (auto* attention = each->as<MultiHeadAttentionImpl>()) attention->eval();
  }
}

std::vector<torch::Tensor> tensors_of(const torch::nn::Module& module) {
  std::vector<torch::Tensor> tensors = module.parameters();
  for (const torch::Tensor& buffer : module.buffers()) tensors.push_back(buffer);
  return tensors;
}

std::string part_of(const std::string& parameter) {
  const std::string first = parameter.substr(0, parameter.find('.'));
  const bool of_heads = is_of_heads(first) || first == parameter;  // alpha, beta, gamma
  return of_heads ? "heads" : first;
}

PartCost as_cost(const OpObserver::Part& part, int64_t images) {
  return {.name = part.name,
          .macs = part.macs / images,
          .queries = part.queries,
          .keys = part.keys,
          .saved_bytes = part.saved_bytes / images,
          .reduced_bytes = part.reduced_bytes / images};
}

}  // namespace

PartCost ModelCost::total() const {
  PartCost sum{.name = "total"};
  for (const PartCost& part : parts) {
    sum.parameters += part.parameters;
    sum.trained += part.trained;
    sum.macs += part.macs;
    sum.saved_bytes += part.saved_bytes;
    sum.reduced_bytes += part.reduced_bytes;
  }
  return sum;
}

ModelCost measure_cost(const CatOptions& options, int64_t labels, AttentionKernel kernel) {
  Cat cat(options, labels);
  prepare(*cat, kernel);
  const KernelChoice choice(kernel);
  // Batch norm needs more than one value a channel, which small pictures have with two images.
  const int64_t images = options.input.size < 128 ? 2 : 1;
  ModelCost cost;
  {
    torch::Tensor yhat_BL;  // keeps the graph, and the graph what backward needs
    OpObserver observer("backbone", tensors_of(*cat));
    yhat_BL = cat->forward(torch::zeros({images, 3, options.input.size, options.input.size})
                               .contiguous(at::MemoryFormat::ChannelsLast))
                  .yhat_BL;
    bool attends = false;
    for (const OpObserver::Part& part : observer.parts()) {
      cost.parts.push_back(as_cost(part, images));
      attends |= part.keys > 0;
    }
    CATAMARAN_ASSERT(
        observer.saw_fused_attention() == (attends && kernel == AttentionKernel::kFused),
        "LibTorch runs the kernel that was chosen");
  }
  for (const auto& item : cat->named_parameters()) {
    const auto part = std::find_if(cost.parts.begin(), cost.parts.end(), [&](const PartCost& each) {
      return each.name == part_of(item.key());
    });
    CATAMARAN_ASSERT(part != cost.parts.end(), "every parameter belongs to a part that ran");
    part->parameters += item.value().numel();
    if (item.value().requires_grad()) part->trained += item.value().numel();
  }
  return cost;
}

PartCost measure_cross_layer(const AttentionOptions& attention, const ClaOptions& cla,
                             const CrossLayerShape& shape, AttentionKernel kernel) {
  CrossLayer block(attention, cla, /*level=*/4);
  prepare(*block, kernel);
  const KernelChoice choice(kernel);
  torch::Tensor out_BDHW;
  const torch::Tensor upper =
      torch::zeros({1, attention.dim, shape.upper_side, shape.upper_side}).requires_grad_();
  const torch::Tensor lower =
      torch::zeros({1, attention.dim, shape.lower_height, shape.lower_width}).requires_grad_();
  std::vector<torch::Tensor> there_before = tensors_of(*block);
  there_before.insert(there_before.end(), {upper, lower});  // they belong to the levels
  OpObserver observer("before", there_before);
  out_BDHW = block->forward(upper, lower);
  PartCost cost;
  for (const OpObserver::Part& part : observer.parts()) {
    if (part.name == "cla4") cost = as_cost(part, 1);
  }
  for (const torch::Tensor& parameter : block->parameters()) {
    cost.parameters += parameter.numel();
    cost.trained += parameter.numel();
  }
  return cost;
}

}  // namespace catamaran
