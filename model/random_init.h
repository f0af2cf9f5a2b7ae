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
// LeCun et al. 1998: normal, variance 1 / fan-in, where no ReLU follows; a transposed convolution
// whose kernel is its stride. Bias 0.
void lecun_normal(torch::nn::Conv2dImpl& conv, const at::Generator& generator);
void lecun_normal(torch::nn::ConvTranspose2dImpl& conv, const at::Generator& generator);
// Glorot and Bengio 2010: uniform, variance 2 / (fan-in + fan-out). Bias 0.
void glorot_uniform(torch::nn::LinearImpl& linear, const at::Generator& generator);

}  // namespace catamaran
