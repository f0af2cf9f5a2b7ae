#include "dataio/near_duplicates.h"

#include <gtest/gtest.h>

#include <bit>
#include <nlohmann/json.hpp>
#include <tuple>

#include "golden_file.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/philox.h"

namespace catamaran {
namespace {

std::vector<uint64_t> golden_hashes() {
  std::vector<uint64_t> hashes;
  for (const auto& test_case : read_json_file(golden_path("near/cases.json"), ErrorKind::kData))
    hashes.push_back(perceptual_hash(golden_bytes("near/" + std::string(test_case["file"]))));
  return hashes;
}

TEST(PerceptualHash, IsThatOfNumpyAndScipy) {
  const auto cases = read_json_file(golden_path("near/cases.json"), ErrorKind::kData);
  const std::vector<uint64_t> hashes = golden_hashes();
  ASSERT_EQ(hashes.size(), cases.size());
  for (size_t i = 0; i < hashes.size(); ++i)
    EXPECT_EQ(to_hex(hashes[i]), cases[i]["hash"]) << cases[i]["file"];
}

TEST(PerceptualHash, IsNearForVersionsOfAPictureAndFarForOthers) {
  const std::vector<uint64_t> hashes = golden_hashes();
  EXPECT_LE(std::popcount(hashes[0] ^ hashes[1]), kNearDistance) << "re-encoded";
  EXPECT_LE(std::popcount(hashes[0] ^ hashes[2]), kNearDistance) << "half the size";
  EXPECT_GT(std::popcount(hashes[0] ^ hashes[3]), kNearDistance) << "mirrored";
  for (size_t i = 4; i < hashes.size(); ++i)
    EXPECT_GT(std::popcount(hashes[0] ^ hashes[i]), kNearDistance) << i;
}

using Listed = std::vector<std::tuple<int64_t, int64_t, int>>;

Listed listed(const NearPairs& near) {
  Listed all;
  EXPECT_TRUE(near.complete);
  for (const NearPair& pair : near.pairs) all.emplace_back(pair.first, pair.second, pair.distance);
  return all;
}

Listed by_force(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b, int most) {
  Listed all;
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = &a == &b ? i + 1 : 0; j < b.size(); ++j) {
      const int distance = std::popcount(a[i] ^ b[j]);
      if (distance <= most) all.emplace_back(i, j, distance);
    }
  }
  return all;
}

// Hashes of which many are a few bits from an earlier one.
std::vector<uint64_t> crowd(uint64_t seed, size_t count) {
  PhiloxStream random(seed, Purpose::kInit, 0, 0);
  std::vector<uint64_t> hashes;
  while (hashes.size() < count) {
    uint64_t hash = (uint64_t{random.next()} << 32) | random.next();
    if (!hashes.empty() && random.below(2) == 1) {
      hash = hashes[random.below(static_cast<uint32_t>(hashes.size()))];
      const uint32_t flips = random.below(18);
      for (uint32_t i = 0; i < flips; ++i) hash ^= uint64_t{1} << random.below(64);
    }
    hashes.push_back(hash);
  }
  return hashes;
}

TEST(NearPairs, AreAllThatComparingEachWithEachFinds) {
  const std::vector<uint64_t> a = crowd(1, 700);
  std::vector<uint64_t> b = crowd(2, 300);
  b.insert(b.end(), a.begin(), a.begin() + 100);
  for (const int most : {0, 1, 3, 6, 9, 15}) {
    EXPECT_EQ(listed(near_pairs(a, a, most)), by_force(a, a, most)) << most;
    EXPECT_EQ(listed(near_pairs(a, b, most)), by_force(a, b, most)) << most;
  }
  EXPECT_TRUE(near_pairs({}, a, 6).pairs.empty());
}

TEST(NearPairs, EndAtTheirLimitWhereAllLookAlike) {
  const std::vector<uint64_t> flat(3000);  // four and a half million pairs
  const NearPairs near = near_pairs(flat, flat, 6, 1000);
  EXPECT_EQ(near.pairs.size(), 1000U);
  EXPECT_FALSE(near.complete);
  EXPECT_TRUE(near_pairs(std::span(flat).first(4), flat, 6, 12000).complete) << "all of them";
}

}  // namespace
}  // namespace catamaran
