#include "trainer/device_check.h"

#include <torch/torch.h>

#include <array>
#include <utility>
#include <vector>

#include "support/clock.h"
#include "support/text.h"

namespace catamaran {
namespace {

constexpr int64_t kPeriod = 16;  // of the inner dimension
constexpr int64_t kRowPatterns = 7;
constexpr int64_t kColumnPatterns = 5;
constexpr int64_t kSideOfCpu = 512;
constexpr int64_t kSideOfGpu = 4096;

int64_t left_value(int64_t row, int64_t k) { return (row * 3 + k * 5) % kRowPatterns % 3 - 1; }
int64_t right_value(int64_t k, int64_t column) {
  return (k * 11 + column * 13) % kColumnPatterns % 3 - 1;
}
// Periods cancel in pairs, but for the last two: sums stay below 256, which bf16 still holds.
int64_t sign_of(int64_t k, int64_t inner) {
  const int64_t period = k / kPeriod;
  return period % 2 == 0 || period == inner / kPeriod - 1 ? 1 : -1;
}

// By row and column, modulo the patterns.
using Known = std::array<std::array<float, kColumnPatterns>, kRowPatterns>;
Known known_products() {
  Known known{};
  for (int64_t row = 0; row < kRowPatterns; ++row) {
    for (int64_t column = 0; column < kColumnPatterns; ++column) {
      int64_t sum = 0;
      for (int64_t k = 0; k < kPeriod; ++k) sum += left_value(row, k) * right_value(k, column);
      known[static_cast<size_t>(row)][static_cast<size_t>(column)] = static_cast<float>(2 * sum);
    }
  }
  return known;
}

struct Factors {
  torch::Tensor left, right;
};

Factors make_factors(int64_t side, const torch::Device& device) {
  torch::Tensor left = torch::empty({side, side}, torch::kFloat32);
  torch::Tensor right = torch::empty({side, side}, torch::kFloat32);
  auto* const l = left.data_ptr<float>();
  auto* const r = right.data_ptr<float>();
  for (int64_t i = 0; i < side; ++i) {
    for (int64_t j = 0; j < side; ++j) {
      l[i * side + j] = static_cast<float>(left_value(i, j % kPeriod) * sign_of(j, side));
      r[i * side + j] = static_cast<float>(right_value(i % kPeriod, j));
    }
  }
  return {left.to(device), right.to(device)};
}

void compare(const float* values, int64_t side, const char* type, DeviceCheck& check) {
  const Known known = known_products();
  for (int64_t i = 0; i < side; ++i) {
    const auto& row = known[static_cast<size_t>(i % kRowPatterns)];
    for (int64_t j = 0; j < side; ++j) {
      const float wanted = row[static_cast<size_t>(j % kColumnPatterns)];
      if (values[i * side + j] == wanted) continue;
      if (check.wrong++ == 0)
        check.first_wrong =
            text("%s, row %ld, column %ld: %g instead of %g", type, i, j,
                 static_cast<double>(values[i * side + j]), static_cast<double>(wanted));
    }
  }
}

}  // namespace

DeviceCheck check_device(DeviceKind kind, int index, int threads, double seconds,
                         const std::function<void(float*, int64_t)>& spoil) {
  const torch::NoGradGuard no_gradient;
  torch::set_num_threads(threads);  // of this thread
  const bool gpu = kind == DeviceKind::kCuda;
  const torch::Device device =
      gpu ? torch::Device(torch::kCUDA, static_cast<c10::DeviceIndex>(index))
          : torch::Device(torch::kCPU);
  const int64_t side = gpu ? kSideOfGpu : kSideOfCpu;
  std::vector<std::pair<const char*, torch::ScalarType>> types = {{"fp32", torch::kFloat32}};
  if (gpu) {
    types.emplace_back("bf16", torch::kBFloat16);
    types.emplace_back("fp16", torch::kFloat16);
  }
  DeviceCheck check;
  const Factors made = make_factors(side, device);
  for (const auto& [name, type] : types) {
    const torch::Tensor left = made.left.to(type);
    const torch::Tensor right = made.right.to(type);
    const torch::Tensor first = torch::matmul(left, right);
    torch::Tensor seen = first.to(torch::kCPU, torch::kFloat32).contiguous();
    if (spoil) spoil(seen.data_ptr<float>(), seen.numel());
    compare(seen.data_ptr<float>(), side, name, check);
    const Stopwatch watch;
    int64_t repeats = 0;
    do {  // the comparison waits for the device
      if (!torch::equal(torch::matmul(left, right), first)) ++check.different;
      ++repeats;
    } while (watch.seconds() < seconds / static_cast<double>(types.size()));
    if (type == torch::kFloat32)
      check.flops_per_second =
          2.0 * static_cast<double>(side * side * side * repeats) / watch.seconds();
    check.products += repeats + 1;
  }
  return check;
}

}  // namespace catamaran
