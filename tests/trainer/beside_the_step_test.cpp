// What works beside the step loop and shares memory with it: the exchange of gradients, and the
// writing of checkpoints. Results are looked at, and the thread sanitizer looks at the memory
// (preset tsan).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "comm/background_communicator.h"
#include "comm/self_communicator.h"
#include "plain_layout.h"
#include "trainer/checkpoint_writer.h"
#include "trainer/gradient_reducer.h"
#include "trainer/update_kernels.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

// Of two ranks with the same gradients: a sum is twice what this one has, made in pieces.
class Twins : public SelfCommunicator {
 public:
  int world() const override { return 2; }
  void start_all_reduce(void* data, int64_t count, DataType, ReduceOp, void*) override {
    ranges_.emplace_back(static_cast<float*>(data), count);
  }
  bool progress() override {
    if (ranges_.empty()) return false;
    auto& [data, left] = ranges_.front();
    for (int i = 0; i < 8 && left > 0; ++i, --left) *data++ *= 2;
    if (left == 0) ranges_.erase(ranges_.begin());
    return true;
  }
  void wait_all(void*) override {
    while (progress()) {
    }
  }
  bool idle() const override { return ranges_.empty(); }

 private:
  std::vector<std::pair<float*, int64_t>> ranges_;
};

std::vector<torch::Tensor> some_parameters() {
  return {torch::ones({8, 3}).requires_grad_(), torch::ones({8}).requires_grad_(),
          torch::ones({10, 8}).requires_grad_(), torch::ones({10}).requires_grad_()};
}

void descend(ParameterArena& arena, double rate) {
  sgd({.rate = rate}, arena.gradients().data_ptr<float>(), arena.values().data_ptr<float>(),
      nullptr, arena.values().numel());
}

TEST(BesideTheStep, GradientsAreSummedWhileBackwardGoesOnAndReadOnceAllAre) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  BackgroundCommunicator exchange(std::make_unique<Twins>());
  ParameterArena arena(parameters, plain_layout(parameters), exchange, torch::kCPU);
  ASSERT_GE(arena.layout().buckets.size(), 3U);
  GradientReducer reducer(arena, exchange, ReducerOptions{}, torch::kCPU);
  for (int step = 0; step < 20; ++step) {
    for (int part = 0; part < 2; ++part) {
      reducer.begin_part(part == 0, part == 1);
      torch::Tensor sum = torch::zeros({});
      for (const torch::Tensor& parameter : parameters) sum = sum + parameter.sum();
      sum.backward();
    }
    // In every other step the thread sums all of it by itself; else whoever comes first.
    while (step % 2 == 0 && !exchange.idle()) std::this_thread::yield();
    reducer.finish();
    descend(arena, 0.25);  // of a gradient of 2 ranks and 2 parts
  }
  for (const torch::Tensor& parameter : parameters)
    EXPECT_TRUE(torch::equal(parameter.detach(), torch::full_like(parameter, 1 - 20)));
}

class CheckpointBesideTheStep : public testing::Test {
 protected:
  void TearDown() override { fs::remove_all(folder_); }

  static CheckpointContents contents(int64_t step, const torch::Tensor& weights) {
    CheckpointContents made;
    made.state.step = step;
    made.state.optimizer = "sgd";
    made.state.model = to_json(CatOptions());
    made.state.classes = {"cat", "dog"};
    made.model.emplace_back("w", weights);
    made.optimizer.emplace_back("momentum.w", weights);
    return made;
  }

  const fs::path folder_ =
      fs::temp_directory_path() / ("beside-the-step-" + std::to_string(::getpid()));
};

TEST_F(CheckpointBesideTheStep, HoldsTheWeightsOfItsStepWhateverTheNextOnesDo) {
  const std::vector<torch::Tensor> parameters = some_parameters();
  SelfCommunicator alone;
  ParameterArena arena(parameters, plain_layout(parameters), alone, torch::kCPU);
  const torch::NoGradGuard no_grad;
  torch::Tensor(arena.gradients()).fill_(1);
  int ended = 0;
  CheckpointWriter writer(folder_, {.keep = 100},
                          [&](const CheckpointEnd& end) { ended += end.ok; });
  constexpr int kCheckpoints = 8;
  for (int64_t step = 1; step <= kCheckpoints; ++step) {
    writer.save(contents(step, arena.values().clone()), "periodic", Stopwatch());
    while (!writer.idle()) descend(arena, 1.0 / 1024);
  }
  writer.finish();
  EXPECT_EQ(ended, kCheckpoints);
  for (int64_t step = 1; step <= kCheckpoints; ++step) {
    const fs::path checkpoint = folder_ / checkpoint_name(step);
    const torch::Tensor model = read_safetensors(checkpoint / "model.safetensors").tensors.at("w");
    EXPECT_TRUE(torch::equal(
        model, read_safetensors(checkpoint / "optimizer.safetensors").tensors.at("momentum.w")));
    EXPECT_TRUE(step > 1 || model[0].item<float>() == 1);
  }
}

}  // namespace
}  // namespace catamaran
