#include "trainer/flat_updates.h"

#include <algorithm>
#include <cmath>

#include "trainer/device_updates.h"

namespace catamaran {
namespace {

constexpr int64_t kChunk = 8 * kSumPiece;  // elements

// The memories of one range, on the host.
struct HostRange {
  float* weight = nullptr;
  float* gradient = nullptr;
  float* first = nullptr;
  float* second = nullptr;
  int64_t count = 0;

  HostRange(const FlatMemories& memories, const ArenaRange& range)
      : weight(at(memories.weights, range)),
        gradient(at(memories.gradients, range)),
        first(at(memories.first, range)),
        second(at(memories.second, range)),
        count(range.elements()) {}

 private:
  static float* at(const torch::Tensor& flat, const ArenaRange& range) {
    return flat.defined() ? flat.data_ptr<float>() + range.begin : nullptr;
  }
};

// work(chunk's number, its first element, elements), in any order and several at a time.
template <class Work>
void for_each_chunk(int64_t count, const Work& work) {
  at::parallel_for(0, (count + kChunk - 1) / kChunk, 1, [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) work(c, c * kChunk, std::min(kChunk, count - c * kChunk));
  });
}

// The same where each returns a part of a sum, added in the order of the chunks.
template <class Work>
SquaredNorms sum_over_chunks(int64_t count, const Work& work) {
  std::vector<SquaredNorms> parts(static_cast<size_t>((count + kChunk - 1) / kChunk));
  for_each_chunk(count, [&](int64_t c, int64_t i, int64_t length) {
    parts[static_cast<size_t>(c)] = work(i, length);
  });
  SquaredNorms sum;
  for (const SquaredNorms& part : parts) {
    sum.weight += part.weight;
    sum.update += part.update;
  }
  return sum;
}

void sgd_on_host(const HostRange& r, const SgdStep& step, bool with_velocity) {
  for_each_chunk(r.count, [&](int64_t, int64_t i, int64_t length) {
    sgd(step, r.gradient + i, r.weight + i, with_velocity ? r.first + i : nullptr, length);
  });
}

double trusted(const SquaredNorms& squares, const TrustRatio& ratio) {
  const double weight = std::sqrt(squares.weight);
  const double update = std::sqrt(squares.update);
  return weight > 0 && update > 0 ? ratio(weight, update) : 1.0;
}

}  // namespace

void sgd_update(const FlatMemories& memories, const Ranges& ranges, const SgdStep& step) {
  if (!memories.weights.is_cpu()) return device_updates::sgd(memories, ranges, step);
  for (const ArenaRange& range : ranges)
    sgd_on_host(HostRange(memories, range), step, step.momentum != 0);
}

void adamw_update(const FlatMemories& memories, const Ranges& ranges, const AdamStep& step) {
  if (!memories.weights.is_cpu()) return device_updates::adamw(memories, ranges, step);
  for (const ArenaRange& range : ranges) {
    const HostRange r(memories, range);
    for_each_chunk(r.count, [&](int64_t, int64_t i, int64_t length) {
      adamw(step, r.gradient + i, r.weight + i, r.first + i, r.second + i, length);
    });
  }
}

void lars_update(const FlatMemories& memories, const Ranges& tensors, const LarsStep& step) {
  if (!memories.weights.is_cpu()) return device_updates::lars(memories, tensors, step);
  const double decay_in_norm = step.norm_without_decay ? 0 : step.sgd.decay;
  for (const ArenaRange& tensor : tensors) {
    const HostRange r(memories, tensor);
    const SquaredNorms squares = sum_over_chunks(r.count, [&](int64_t i, int64_t length) {
      return lars_norms(step.sgd.gradient_factor, decay_in_norm, r.gradient + i, r.weight + i,
                        length);
    });
    const double ratio = trusted(squares, step.ratio);
    SgdStep scaled = step.sgd;
    scaled.gradient_factor *= ratio;
    scaled.decay *= ratio;
    sgd_on_host(r, scaled, scaled.momentum != 0);
  }
}

void lamb_update(const FlatMemories& memories, const Ranges& tensors, const AdamStep& step,
                 const TrustRatio& ratio) {
  if (!memories.weights.is_cpu()) return device_updates::lamb(memories, tensors, step, ratio);
  for (const ArenaRange& tensor : tensors) {
    const HostRange r(memories, tensor);
    const SquaredNorms squares = sum_over_chunks(r.count, [&](int64_t i, int64_t length) {
      return lamb_norms(step, r.gradient + i, r.weight + i, r.first + i, r.second + i, length);
    });
    sgd_on_host(r, {.rate = step.rate, .gradient_factor = trusted(squares, ratio)},
                /*with_velocity=*/false);
  }
}

double flat_norm(const torch::Tensor& flat) {
  if (!flat.is_cpu()) return at::linalg_vector_norm(flat, 2).item<double>();
  const float* const values = flat.const_data_ptr<float>();
  const SquaredNorms squares = sum_over_chunks(flat.numel(), [&](int64_t i, int64_t length) {
    return SquaredNorms{.weight = sum_of_squares(values + i, length), .update = 0};
  });
  return std::sqrt(squares.weight);
}

void average_update(double share, const torch::Tensor& value, const torch::Tensor& average) {
  if (!average.is_cpu()) {
    torch::Tensor(average).lerp_(value, share);
    return;
  }
  const float* const from = value.const_data_ptr<float>();
  float* const to = average.data_ptr<float>();
  for_each_chunk(average.numel(), [&](int64_t, int64_t i, int64_t length) {
    move_towards(share, from + i, to + i, length);
  });
}

}  // namespace catamaran
