// The passes over flat memories: the host's against ATen's, which GPUs use, and in several threads.
#include "trainer/flat_updates.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <functional>

#include "trainer/device_updates.h"

namespace catamaran {
namespace {

// Three tensors; the gaps between them hold zeros.
const Ranges kTensors = {{0, 1000}, {1008, 1008 + 100'000}, {101'008, 101'008 + 7}};
const Ranges kWhole = {{0, 101'024}};

FlatMemories some_memories() {
  torch::manual_seed(3);
  FlatMemories memories;
  torch::Tensor mask = torch::zeros({kWhole[0].end});
  for (const ArenaRange& range : kTensors) mask.slice(0, range.begin, range.end).fill_(1);
  memories.weights = torch::randn({kWhole[0].end}).mul_(mask);
  memories.gradients = torch::randn({kWhole[0].end}).mul_(mask);
  memories.first = torch::randn({kWhole[0].end}).mul_(mask);
  memories.second = torch::rand({kWhole[0].end}).mul_(mask);
  return memories;
}

const SgdStep kSgd{
    .rate = 0.1, .gradient_factor = 0.3, .decay = 0.05, .momentum = 0.9, .nesterov = true};
const AdamStep kAdam{.rate = 0.01, .gradient_factor = 0.3, .decay = 0.1, .t = 4};
double divided(double weight, double update) { return 0.5 * weight / update; }

using Pass = std::function<void(const FlatMemories&)>;
struct Passes {
  const char* name;
  Pass host;
  Pass device;
};
const std::vector<Passes> kPasses = {
    {"sgd", [](const FlatMemories& m) { sgd_update(m, kWhole, kSgd); },
     [](const FlatMemories& m) { device_updates::sgd(m, kWhole, kSgd); }},
    {"sgd without momentum",
     [](const FlatMemories& m) { sgd_update(m, kWhole, {.rate = 0.1, .decay = 0.1}); },
     [](const FlatMemories& m) { device_updates::sgd(m, kWhole, {.rate = 0.1, .decay = 0.1}); }},
    {"adamw", [](const FlatMemories& m) { adamw_update(m, kWhole, kAdam); },
     [](const FlatMemories& m) { device_updates::adamw(m, kWhole, kAdam); }},
    {"lars",
     [](const FlatMemories& m) {
       lars_update(m, kTensors, {kSgd, true, divided});
     },
     [](const FlatMemories& m) {
       device_updates::lars(m, kTensors, {kSgd, true, divided});
     }},
    {"lars, decay in the norm",
     [](const FlatMemories& m) {
       lars_update(m, kTensors, {kSgd, false, divided});
     },
     [](const FlatMemories& m) {
       device_updates::lars(m, kTensors, {kSgd, false, divided});
     }},
    {"lamb", [](const FlatMemories& m) { lamb_update(m, kTensors, kAdam, divided); },
     [](const FlatMemories& m) { device_updates::lamb(m, kTensors, kAdam, divided); }},
};

double apart(const torch::Tensor& a, const torch::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

TEST(FlatUpdates, OfTheHostEqualThoseOfGpus) {
  for (const Passes& passes : kPasses) {
    SCOPED_TRACE(passes.name);
    const FlatMemories host = some_memories();
    const FlatMemories device = some_memories();
    passes.host(host);
    passes.device(device);
    EXPECT_LT(apart(host.weights, device.weights), 2e-6);
    EXPECT_LT(apart(host.first, device.first), 2e-6);
    EXPECT_LT(apart(host.second, device.second), 2e-6);
  }
}

TEST(FlatUpdates, HaveTheSameBitsInAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  for (const Passes& passes : kPasses) {
    SCOPED_TRACE(passes.name);
    const FlatMemories one = some_memories();
    const FlatMemories four = some_memories();
    at::set_num_threads(1);
    passes.host(one);
    const double norm = flat_norm(one.weights);
    at::set_num_threads(4);
    passes.host(four);
    EXPECT_TRUE(torch::equal(one.weights, four.weights));
    EXPECT_TRUE(torch::equal(one.first, four.first));
    EXPECT_TRUE(torch::equal(one.second, four.second));
    EXPECT_EQ(norm, flat_norm(four.weights));
  }
  at::set_num_threads(threads);
}

TEST(FlatUpdates, KeepTheGapsBetweenTensorsZero) {
  for (const Passes& passes : kPasses) {
    SCOPED_TRACE(passes.name);
    const FlatMemories memories = some_memories();
    passes.host(memories);
    for (const torch::Tensor& flat : {memories.weights, memories.gradients, memories.first}) {
      EXPECT_EQ(flat.slice(0, 1000, 1008).count_nonzero().item<int64_t>(), 0);
      EXPECT_EQ(flat.slice(0, 101'015).count_nonzero().item<int64_t>(), 0);
    }
  }
}

TEST(FlatUpdates, ATensorOrUpdateOfZerosHasNoTrustRatio) {
  const FlatMemories memories = some_memories();
  memories.weights.zero_();
  const auto never = [](double, double) {
    ADD_FAILURE() << "asked for a ratio";
    return 1.0;
  };
  lars_update(memories, kTensors, {kSgd, true, never});
  memories.gradients.zero_();
  lars_update(memories, kTensors, {kSgd, true, never});
}

TEST(FlatUpdates, GiveTheNormAndMoveTheAverage) {
  const FlatMemories memories = some_memories();
  EXPECT_NEAR(flat_norm(memories.weights),
              memories.weights.to(torch::kFloat64).norm().item<double>(), 1e-4);
  EXPECT_TRUE(std::isnan(flat_norm(torch::full({5}, NAN))));
  EXPECT_TRUE(std::isinf(flat_norm(torch::full({5}, INFINITY))));
  const torch::Tensor wanted = torch::lerp(memories.first, memories.weights, 0.1);
  average_update(0.1, memories.weights, memories.first);
  EXPECT_LT(apart(memories.first, wanted), 1e-6);
}

}  // namespace
}  // namespace catamaran
