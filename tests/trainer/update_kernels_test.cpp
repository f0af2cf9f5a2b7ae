// The optimizers' arithmetic against plain loops in double, in every instruction set that this
// processor has, at lengths that are no multiple of a vector.
#include "trainer/update_kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cmath>
#include <functional>
#include <vector>

namespace catamaran {
namespace {

constexpr int64_t kLengths[] = {0, 1, 7, 16, 17, 100, kSumPiece + 5, 3 * kSumPiece};

void on_every_target(const std::function<void()>& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// Weights, gradients and state of `count` elements, the same for the same count.
struct Memories {
  explicit Memories(int64_t count) {
    uint32_t state = 12345;
    const auto next = [&] {
      state = state * 1664525U + 1013904223U;
      return static_cast<float>(static_cast<int32_t>(state >> 8) - (1 << 23)) / (1 << 23);
    };
    for (int64_t i = 0; i < count; ++i) {
      weight.push_back(next());
      gradient.push_back(next());
      first.push_back(next());
      second.push_back(std::fabs(next()));
    }
  }
  int64_t count() const { return static_cast<int64_t>(weight.size()); }
  std::vector<float> weight;
  std::vector<float> gradient;
  std::vector<float> first;
  std::vector<float> second;
};

void expect_near(const std::vector<float>& values, size_t i, double wanted) {
  ASSERT_NEAR(static_cast<double>(values[i]), wanted, 1e-6 * (1 + std::fabs(wanted))) << i;
}

void check_sgd(const SgdStep& step, bool with_velocity) {
  on_every_target([&] {
    for (const int64_t count : kLengths) {
      const Memories before(count);
      Memories m = before;
      sgd(step, m.gradient.data(), m.weight.data(), with_velocity ? m.first.data() : nullptr,
          count);
      EXPECT_EQ(m.gradient, before.gradient);
      for (size_t i = 0; i < m.weight.size(); ++i) {
        const double d = step.gradient_factor * static_cast<double>(before.gradient[i]) +
                         step.decay * static_cast<double>(before.weight[i]);
        const double v = with_velocity ? step.momentum * static_cast<double>(before.first[i]) + d
                                       : static_cast<double>(before.first[i]);
        const double taken = !with_velocity ? d : (step.nesterov ? d + step.momentum * v : v);
        expect_near(m.first, i, v);
        expect_near(m.weight, i, static_cast<double>(before.weight[i]) - step.rate * taken);
      }
    }
  });
}

TEST(UpdateKernels, SgdIsItsFormulaWithMomentumNesterovAndWithout) {
  const SgdStep plain{
      .rate = 0.1, .gradient_factor = 0.3, .decay = 0.05, .momentum = 0.9, .nesterov = false};
  SgdStep nesterov = plain;
  nesterov.nesterov = true;
  check_sgd(plain, /*with_velocity=*/true);
  check_sgd(nesterov, /*with_velocity=*/true);
  check_sgd(plain, /*with_velocity=*/false);
}

const AdamStep kAdam{.rate = 0.01,
                     .gradient_factor = 0.3,
                     .decay = 0.1,
                     .beta1 = 0.9,
                     .beta2 = 0.99,
                     .epsilon = 1e-3,
                     .t = 3};

// m, v and m^ / (sqrt v^ + epsilon)
struct Moved {
  Moved(const Memories& before, size_t i) {
    const double g = kAdam.gradient_factor * static_cast<double>(before.gradient[i]);
    mean = kAdam.beta1 * static_cast<double>(before.first[i]) + (1 - kAdam.beta1) * g;
    square = kAdam.beta2 * static_cast<double>(before.second[i]) + (1 - kAdam.beta2) * g * g;
    update = mean / (1 - std::pow(kAdam.beta1, kAdam.t)) /
             (std::sqrt(square / (1 - std::pow(kAdam.beta2, kAdam.t))) + kAdam.epsilon);
  }
  double mean, square, update;
};

TEST(UpdateKernels, AdamWIsItsFormula) {
  on_every_target([] {
    for (const int64_t count : kLengths) {
      const Memories before(count);
      Memories m = before;
      adamw(kAdam, m.gradient.data(), m.weight.data(), m.first.data(), m.second.data(), count);
      EXPECT_EQ(m.gradient, before.gradient);
      for (size_t i = 0; i < m.weight.size(); ++i) {
        const Moved moved(before, i);
        expect_near(m.first, i, moved.mean);
        expect_near(m.second, i, moved.square);
        expect_near(m.weight, i,
                    static_cast<double>(before.weight[i]) * (1 - kAdam.rate * kAdam.decay) -
                        kAdam.rate * moved.update);
      }
    }
  });
}

TEST(UpdateKernels, LambLeavesTheUpdateInTheGradientsAndGivesBothNorms) {
  on_every_target([] {
    for (const int64_t count : kLengths) {
      const Memories before(count);
      Memories m = before;
      const SquaredNorms norms = lamb_norms(kAdam, m.gradient.data(), m.weight.data(),
                                            m.first.data(), m.second.data(), count);
      EXPECT_EQ(m.weight, before.weight);
      SquaredNorms wanted;
      for (size_t i = 0; i < m.weight.size(); ++i) {
        const auto w = static_cast<double>(before.weight[i]);
        const double update = Moved(before, i).update + kAdam.decay * w;
        expect_near(m.gradient, i, update);
        wanted.weight += w * w;
        wanted.update += update * update;
      }
      EXPECT_NEAR(norms.weight, wanted.weight, 1e-6 * wanted.weight);
      EXPECT_NEAR(norms.update, wanted.update, 2e-6 * wanted.update);
    }
  });
}

TEST(UpdateKernels, LarsGivesTheNormsOfWeightAndDecayedGradient) {
  on_every_target([] {
    for (const int64_t count : kLengths) {
      const Memories m(count);
      const SquaredNorms norms = lars_norms(0.3, 0.2, m.gradient.data(), m.weight.data(), count);
      SquaredNorms wanted;
      for (size_t i = 0; i < m.weight.size(); ++i) {
        const auto w = static_cast<double>(m.weight[i]);
        const double update = 0.3 * static_cast<double>(m.gradient[i]) + 0.2 * w;
        wanted.weight += w * w;
        wanted.update += update * update;
      }
      EXPECT_NEAR(norms.weight, wanted.weight, 1e-6 * wanted.weight);
      EXPECT_NEAR(norms.update, wanted.update, 1e-6 * wanted.update);
      EXPECT_EQ(sum_of_squares(m.weight.data(), count), norms.weight);
    }
  });
}

TEST(UpdateKernels, AnAverageMovesTowardsTheValue) {
  on_every_target([] {
    for (const int64_t count : kLengths) {
      const Memories before(count);
      Memories m = before;
      move_towards(0.25, m.weight.data(), m.first.data(), count);
      for (size_t i = 0; i < m.weight.size(); ++i) {
        expect_near(m.first, i,
                    0.75 * static_cast<double>(before.first[i]) +
                        0.25 * static_cast<double>(before.weight[i]));
      }
    }
  });
}

// So chunks, and the number of threads that share them, change no bit.
TEST(UpdateKernels, GiveTheSameBitsHoweverTheMemoryIsCut) {
  on_every_target([] {
    Memories whole(1000);
    Memories cut = whole;
    adamw(kAdam, whole.gradient.data(), whole.weight.data(), whole.first.data(),
          whole.second.data(), whole.count());
    for (int64_t i = 0, length = 1; i < cut.count(); i += length, length = 1 + length * 7 % 90) {
      length = std::min(length, cut.count() - i);
      adamw(kAdam, cut.gradient.data() + i, cut.weight.data() + i, cut.first.data() + i,
            cut.second.data() + i, length);
    }
    EXPECT_EQ(whole.weight, cut.weight);
    EXPECT_EQ(whole.second, cut.second);
  });
}

TEST(UpdateKernels, SumsHaveTheSameBitsWhateverTheLengthOfVectors) {
  const Memories m(2 * kSumPiece + 77);
  std::vector<double> sums;  // of the sets with fused multiply-add
  on_every_target([&] {
    if ((hwy::SupportedTargets() & (HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL)) != 0)
      sums.push_back(sum_of_squares(m.weight.data(), m.count()));
  });
  for (const double sum : sums) EXPECT_EQ(sum, sums.front());
}

TEST(UpdateKernels, LeaveZerosAsTheyAre) {
  std::vector<float> zeros(33);
  std::vector<float> gradient(33);
  std::vector<float> mean(33);
  std::vector<float> square(33);
  AdamStep step = kAdam;
  step.epsilon = 1e-60;  // 0 in fp32
  adamw(step, gradient.data(), zeros.data(), mean.data(), square.data(), 33);
  sgd({.rate = 1, .decay = 1, .momentum = 0.9, .nesterov = true}, gradient.data(), zeros.data(),
      mean.data(), 33);
  EXPECT_EQ(zeros, std::vector<float>(33));
  EXPECT_EQ(mean, std::vector<float>(33));
}

}  // namespace
}  // namespace catamaran
