// Random initial weights, drawn in fp32 from a generator of the caller's: the same on every machine
// and memory layout. Only the thread that owns the generator.
//
//   at::Generator generator = at::detail::createCPUGenerator(seed);
//   he_normal(*conv, generator);
#pragma once

#include <torch/torch.h>

namespace catamaran {

void fill_normal(torch::Tensor& weight, double std, const at::Generator& generator);
void fill_uniform(torch::Tensor& weight, double bound, const at::Generator& generator);
// He et al. 2015: normal, variance 2 / fan-out; the fan-out of one group. Bias 0.
void he_normal(torch::nn::Conv2dImpl& conv, const at::Generator& generator);

}  // namespace catamaran
