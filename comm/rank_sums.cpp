#include "comm/rank_sums.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "comm/half_floats.h"

namespace catamaran {
namespace {

template <ReduceOp op, typename Number>
Number combined(Number a, Number b) {
  if constexpr (op == ReduceOp::kSum) {
    return static_cast<Number>(a + b);
  } else if constexpr (op == ReduceOp::kMin) {
    return std::min(a, b);
  } else {
    return std::max(a, b);
  }
}

// How elements are stored, and computed with.
template <typename Value>
struct Plain {
  using stored = Value;
  using computed = Value;
  static Value load(Value value) { return value; }
  static Value store(Value value) { return value; }
};
template <typename Half>
struct InFp32 {
  using stored = uint16_t;
  using computed = float;
  static float load(uint16_t bits) { return Half::to_float(bits); }
  static uint16_t store(float value) { return Half::from_float(value); }
};

template <typename Format, ReduceOp op>
void reduce_two(char* first, char* second, int64_t count) {
  using Stored = typename Format::stored;
  auto* __restrict a = reinterpret_cast<Stored*>(first);
  auto* __restrict b = reinterpret_cast<Stored*>(second);
  for (int64_t i = 0; i < count; ++i) {
    const Stored result = Format::store(combined<op>(Format::load(a[i]), Format::load(b[i])));
    a[i] = result;
    b[i] = result;
  }
}

// Any number of ranks, in pieces whose results stay in the first cache.
template <typename Format, ReduceOp op>
void reduce_many(std::span<char* const> parts, int64_t count) {
  using Stored = typename Format::stored;
  constexpr int64_t kPiece = 4096 / sizeof(Stored);
  std::array<typename Format::computed, kPiece> results;
  std::array<Stored, kPiece> stored;
  for (int64_t begin = 0; begin < count; begin += kPiece) {
    const int64_t n = std::min(kPiece, count - begin);
    const auto at = [&](char* part) { return reinterpret_cast<Stored*>(part) + begin; };
    const Stored* const first = at(parts[0]);
    for (int64_t i = 0; i < n; ++i) results[static_cast<size_t>(i)] = Format::load(first[i]);
    for (char* const part : parts.subspan(1)) {
      const Stored* const next = at(part);
      for (int64_t i = 0; i < n; ++i) {
        auto& result = results[static_cast<size_t>(i)];
        result = combined<op>(result, Format::load(next[i]));
      }
    }
    for (int64_t i = 0; i < n; ++i)
      stored[static_cast<size_t>(i)] = Format::store(results[static_cast<size_t>(i)]);
    for (char* const part : parts)
      std::memcpy(at(part), stored.data(), static_cast<size_t>(n) * sizeof(Stored));
  }
}

template <typename Format, ReduceOp op>
void reduce(std::span<char* const> parts, int64_t count) {
  if (parts.size() == 2) {
    reduce_two<Format, op>(parts[0], parts[1], count);
  } else if (parts.size() > 2) {
    reduce_many<Format, op>(parts, count);
  }
}

template <typename Format>
void reduce(std::span<char* const> parts, int64_t count, ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return reduce<Format, ReduceOp::kSum>(parts, count);
    case ReduceOp::kMin:
      return reduce<Format, ReduceOp::kMin>(parts, count);
    case ReduceOp::kMax:
      return reduce<Format, ReduceOp::kMax>(parts, count);
  }
}

}  // namespace

void reduce_parts(std::span<char* const> parts, int64_t count, DataType type, ReduceOp op) {
  switch (type) {
    case DataType::kFloat32:
      return reduce<Plain<float>>(parts, count, op);
    case DataType::kFloat64:
      return reduce<Plain<double>>(parts, count, op);
    case DataType::kInt64:
      return reduce<Plain<int64_t>>(parts, count, op);
    case DataType::kUint64:
      return reduce<Plain<uint64_t>>(parts, count, op);
    case DataType::kUint8:
      return reduce<Plain<uint8_t>>(parts, count, op);
    case DataType::kBFloat16:
      return reduce<InFp32<BFloat16>>(parts, count, op);
    case DataType::kFloat16:
      return reduce<InFp32<Float16>>(parts, count, op);
  }
}

}  // namespace catamaran
