// Feature pyramid, equations (1)-(3): one width D for all levels through lateral 1x1 convolutions,
// and a top-down path.
//
//   P5 = conv_1(S5)    P4 = lateral(S4) + up(conv_2(P5))    P3 = lateral(S3) + up(conv_2'(P4))
//
// conv_2 is a 3x3 convolution at the upper level's resolution followed by nearest up-sampling to
// the lower level's size (conv_then_upsample); upsample_then_conv and deconv (2x2, stride 2) are
// switches, as is sharing conv_2 between levels. Only the thread that runs the step loop.
#pragma once

#include <torch/torch.h>

#include <array>

#include "model/backbone.h"
#include "model/fused_conv2d.h"
#include "model/options.h"

namespace catamaran {

struct Pyramid {
  torch::Tensor p3_BDHW;
  torch::Tensor p4_BDHW;
  torch::Tensor p5_BDHW;
};

class FpnImpl : public torch::nn::Module {
 public:
  FpnImpl(const FpnOptions& options, const std::array<int64_t, 3>& channels, int64_t dim);
  Pyramid forward(const Features& s);
  void initialise(const at::Generator& generator);
  // Divides each lateral's weight by the root mean square of the map that it reads.
  void calibrate(const Features& s);

 private:
  torch::Tensor top_down(torch::nn::Module& conv, const torch::Tensor& upper_BDHW,
                         const torch::Tensor& lower_BCHW) const;

  FpnOptions options_;
  FusedConv2d lateral5_{nullptr};  // conv_1
  FusedConv2d lateral4_{nullptr};
  FusedConv2d lateral3_{nullptr};
  std::shared_ptr<torch::nn::Module> conv5_;  // conv_2, from P5 down
  std::shared_ptr<torch::nn::Module> conv4_;  // conv_2', from P4 down; conv5_ again when shared
};
TORCH_MODULE(Fpn);

}  // namespace catamaran
