#include "comm/rank_sums.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "comm/half_floats.h"

namespace catamaran {
namespace {

template <typename Number>
using Parts = std::vector<std::vector<Number>>;

template <typename Number>
void reduce(Parts<Number>& parts, DataType type, ReduceOp op) {
  std::vector<char*> pointers;
  for (auto& part : parts) pointers.push_back(reinterpret_cast<char*>(part.data()));
  reduce_parts(pointers, static_cast<int64_t>(parts[0].size()), type, op);
}

template <typename Number>
void check(DataType type) {
  for (const size_t world : {1U, 2U, 3U, 4U, 7U}) {
    for (const size_t count : {0U, 1U, 5U, 1023U, 5001U}) {
      Parts<Number> made(world, std::vector<Number>(count));
      for (size_t r = 0; r < world; ++r)
        for (size_t i = 0; i < count; ++i)
          made[r][i] = static_cast<Number>((i * 7 + r * 3 + i * r) % 30);
      for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMin, ReduceOp::kMax}) {
        Parts<Number> parts = made;
        reduce(parts, type, op);
        for (size_t i = 0; i < count; ++i) {
          Number expected = made[0][i];
          for (size_t r = 1; r < world; ++r) {
            if (op == ReduceOp::kSum) expected = static_cast<Number>(expected + made[r][i]);
            if (op == ReduceOp::kMin) expected = std::min(expected, made[r][i]);
            if (op == ReduceOp::kMax) expected = std::max(expected, made[r][i]);
          }
          for (size_t r = 0; r < world; ++r) ASSERT_EQ(parts[r][i], expected) << world << " " << i;
        }
      }
    }
  }
}

TEST(RankSums, AreExactForEveryTypeWorldAndOperation) {
  check<float>(DataType::kFloat32);
  check<double>(DataType::kFloat64);
  check<int64_t>(DataType::kInt64);
  check<uint64_t>(DataType::kUint64);
  check<uint8_t>(DataType::kUint8);
}

template <typename Half>
void check_halves(DataType type) {
  for (const size_t world : {2U, 3U, 5U}) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    Parts<uint16_t> parts(world, std::vector<uint16_t>(5001));
    for (auto& part : parts)
      for (uint16_t& value : part) value = Half::from_float(normal(random));
    const Parts<uint16_t> made = parts;
    reduce(parts, type, ReduceOp::kSum);
    for (size_t i = 0; i < 5001; ++i) {
      float sum = Half::to_float(made[0][i]);
      for (size_t r = 1; r < world; ++r) sum += Half::to_float(made[r][i]);
      for (size_t r = 0; r < world; ++r)
        ASSERT_EQ(parts[r][i], Half::from_float(sum)) << "rounded once, after the last rank";
    }
  }
}

TEST(RankSums, OfSixteenBitFloatsAreRoundedOnce) {
  check_halves<BFloat16>(DataType::kBFloat16);
  check_halves<Float16>(DataType::kFloat16);
}

TEST(RankSums, AddInTheOrderOfTheRanksHoweverTheyAreCut) {
  std::mt19937 random(6);
  std::normal_distribution<float> normal;
  for (const size_t world : {2U, 3U, 4U}) {
    Parts<float> parts(world, std::vector<float>(3000));
    for (auto& part : parts)
      for (float& value : part) value = normal(random);
    const Parts<float> made = parts;
    reduce(parts, DataType::kFloat32, ReduceOp::kSum);
    Parts<float> again = made;
    for (size_t begin = 0; begin < 3000; begin += 700) {
      std::vector<char*> pointers;
      for (auto& part : again) pointers.push_back(reinterpret_cast<char*>(part.data() + begin));
      reduce_parts(pointers, static_cast<int64_t>(std::min<size_t>(700, 3000 - begin)),
                   DataType::kFloat32, ReduceOp::kSum);
    }
    for (size_t i = 0; i < 3000; ++i) {
      float sum = made[0][i];
      for (size_t r = 1; r < world; ++r) sum += made[r][i];
      for (size_t r = 0; r < world; ++r) {
        ASSERT_EQ(parts[r][i], sum);
        ASSERT_EQ(again[r][i], sum);
      }
    }
  }
}

}  // namespace
}  // namespace catamaran
