#include "trainer/gradient_compression.h"

#include <gtest/gtest.h>

#include "comm/self_communicator.h"
#include "plain_layout.h"

namespace catamaran {
namespace {

// What arrived over `steps` steps of a gradient that two bytes cannot hold, and what was sent.
struct Sums {
  double arrived = 0;
  double sent = 0;
};

Sums send(const char* type, float value, int steps, bool forget) {
  const std::vector<torch::Tensor> parameters = {torch::zeros({5}).requires_grad_()};
  SelfCommunicator alone;
  ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  GradientCompression compression(type, arena, alone);
  const ArenaRange whole = {0, arena.layout().elements};
  Sums sums;
  for (int step = 0; step < steps; ++step) {
    arena.gradient(0).fill_(value);
    compression.start(whole, alone, nullptr);
    compression.finish(whole);
    sums.arrived += arena.gradient(0)[3].item<double>();
    sums.sent += static_cast<double>(value);
    if (forget) compression.forget();
  }
  return sums;
}

TEST(GradientCompression, LosesNoMoreThanOneRoundingOverManySteps) {
  const double bf16 = 1.0 / 256;
  const double fp16 = 1.0 / 2048;
  for (const auto& [type, rounding] : {std::pair("bf16", bf16), std::pair("fp16", fp16)}) {
    const float value = 1 + static_cast<float>(rounding) * 0.4f;
    const Sums kept = send(type, value, 100, /*forget=*/false);
    EXPECT_NEAR(kept.arrived, kept.sent, rounding) << type;
    const Sums lost = send(type, value, 100, /*forget=*/true);  // the same error a hundred times
    EXPECT_NEAR(lost.sent - lost.arrived, 100 * rounding * 0.4, rounding) << type;
  }
}

TEST(GradientCompression, KeptErrorsFollowTheScaleOfTheGradients) {
  const std::vector<torch::Tensor> parameters = {torch::zeros({5}).requires_grad_()};
  SelfCommunicator alone;
  ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  GradientCompression compression("fp16", arena, alone);
  const ArenaRange whole = {0, arena.layout().elements};
  const auto exchange = [&](float value) {
    arena.gradient(0).fill_(value);
    compression.start(whole, alone, nullptr);
    compression.finish(whole);
    return arena.gradient(0)[3].item<double>();
  };
  constexpr double kRounding = 1.0 / 1024;  // of fp16 just above 1
  EXPECT_EQ(exchange(1 + static_cast<float>(0.375 * kRounding)), 1);
  compression.scale_kept(4);  // 0.375 becomes 1.5: what is 0 now arrives with it
  EXPECT_EQ(exchange(0), 1.5 * kRounding);
}

TEST(GradientCompression, ForgetsWhatWasNotFinite) {
  const std::vector<torch::Tensor> parameters = {torch::zeros({5}).requires_grad_()};
  SelfCommunicator alone;
  ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  GradientCompression compression("bf16", arena, alone);
  const ArenaRange whole = {0, arena.layout().elements};
  for (const float value : {INFINITY, 2.0f}) {
    arena.gradient(0).fill_(value);
    compression.start(whole, alone, nullptr);
    compression.finish(whole);
    compression.forget();
  }
  EXPECT_EQ(arena.gradient(0)[0].item<float>(), 2);
}

}  // namespace
}  // namespace catamaran
