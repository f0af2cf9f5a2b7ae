#include "model/heads.h"

#include <algorithm>

#include "model/attention.h"

namespace catamaran {

HeadImpl::HeadImpl(const HeadOptions& options, int64_t dim, int64_t labels) : options_(options) {
  fc_ = register_module("fc", torch::nn::Linear(dim, labels));
}

HeadOutput HeadImpl::forward(const torch::Tensor& p_BDHW, bool with_map) {
  RECORD_USER_SCOPE("heads");
  if (options_.pool == "mean" && !with_map)
    return {fc_(p_BDHW.mean({2, 3})), {}};  // pooling first is cheaper and the same
  const torch::Tensor map_BQL = fc_(to_tokens(p_BDHW));
  HeadOutput y;
  if (options_.pool == "max") {
    y.logits_BL = map_BQL.amax(1);
  } else if (options_.pool == "topk") {
    y.logits_BL = std::get<0>(map_BQL.topk(std::min(options_.topk, map_BQL.size(1)), 1)).mean(1);
  } else if (options_.pool == "csra") {
    const torch::Tensor attention_BQL = (map_BQL * options_.csra_temperature).softmax(1);
    y.logits_BL = map_BQL.mean(1) + options_.csra_lambda * (attention_BQL * map_BQL).sum(1);
  } else {
    y.logits_BL = map_BQL.mean(1);
  }
  if (with_map) y.map_BLHW = to_map(map_BQL, p_BDHW.size(2), p_BDHW.size(3));
  return y;
}

}  // namespace catamaran
