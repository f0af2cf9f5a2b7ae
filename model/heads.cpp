#include "model/heads.h"

#include <ATen/OpMathType.h>

#include <algorithm>
#include <cmath>

#include "model/attention.h"
#include "model/autocast.h"
#include "model/random_init.h"

namespace catamaran {
namespace {

constexpr double kInitialProbability = 0.01;

}  // namespace

HeadImpl::HeadImpl(const HeadOptions& options, int64_t dim, int64_t labels) : options_(options) {
  fc_ = register_module("fc", FusedLinear(dim, labels));
}

void HeadImpl::initialise(const at::Generator& generator) {
  const torch::NoGradGuard no_grad;
  glorot_uniform(*fc_, generator);
  fc_->bias.fill_(std::log(kInitialProbability / (1 - kInitialProbability)));
}

HeadOutput HeadImpl::forward(const torch::Tensor& p_BDHW, bool with_map) {
  RECORD_USER_SCOPE("heads");
  // Logits rank images and are summed over heads: fp32, since 16 bits would make them tie.
  const Autocast off(p_BDHW.device().type(), torch::kFloat32);
  const torch::Tensor p_BQD = to_tokens(p_BDHW);
  if (options_.pool == "mean" && !with_map)  // pooling first is cheaper and the same
    return {fc_(p_BQD.mean(1, /*keepdim=*/false, at::toOpMathType(p_BQD.scalar_type()))), {}};
  const torch::Tensor map_BQL = fc_(widened(p_BQD));
  HeadOutput y;
  if (options_.pool == "max") {
    y.logits_BL = map_BQL.amax(1);
  } else if (options_.pool == "topk") {
    // A smaller view of eval --augment scales may have fewer tokens than the model's own input.
    const int64_t k = std::min(options_.topk, map_BQL.size(1));
    y.logits_BL = std::get<0>(map_BQL.topk(k, 1)).mean(1);
  } else if (options_.pool == "csra") {
    const torch::Tensor attention_BQL = (map_BQL * options_.csra_temperature).softmax(1);
    y.logits_BL = map_BQL.mean(1) + options_.csra_lambda * (attention_BQL * map_BQL).sum(1);
  } else {
    y.logits_BL = map_BQL.mean(1);
  }
  if (with_map) y.map_BLHW = to_map(map_BQL, size_of(p_BDHW));
  return y;
}

}  // namespace catamaran
