// PMA's pooling against its window rule, written out cell by cell.
#include <gtest/gtest.h>

#include "golden.h"
#include "model/attention.h"
#include "model/options.h"
#include "support/error.h"

namespace catamaran {
namespace {

struct Window {
  int64_t begin;
  int64_t end;
};

std::vector<Window> stride_windows(int64_t side, int64_t stride) {
  std::vector<Window> windows;
  for (int64_t begin = 0; begin < side; begin += stride)
    windows.push_back({begin, std::min(begin + stride, side)});
  return windows;
}

std::vector<Window> grid_windows(int64_t side, int64_t grid) {
  std::vector<Window> windows;
  const int64_t n = std::min(grid, side);
  for (int64_t i = 0; i < n; ++i) windows.push_back({i * side / n, ((i + 1) * side + n - 1) / n});
  return windows;
}

torch::Tensor pooled_by_hand(const torch::Tensor& map_BDHW, const std::vector<Window>& rows,
                             const std::vector<Window>& columns) {
  std::vector<torch::Tensor> cells_BD;
  for (const Window& y : rows) {
    for (const Window& x : columns)
      cells_BD.push_back(map_BDHW.slice(2, y.begin, y.end).slice(3, x.begin, x.end).amax({2, 3}));
  }
  return torch::stack(cells_BD, 2)
      .view({map_BDHW.size(0), map_BDHW.size(1), static_cast<int64_t>(rows.size()),
             static_cast<int64_t>(columns.size())});
}

TEST(PreMaxPool, TakesTheMaximumOfTheDocumentedWindowsOnEvenAndOddSides) {
  const torch::Tensor all = torch::randn({2, 3, 29, 29}) - 5;  // below the 0 of a padded cell
  for (const int64_t height : {1, 4, 7, 9, 18, 28, 29}) {
    for (const int64_t width : {1, 5, 14, 29}) {
      const torch::Tensor map = all.slice(2, 0, height).slice(3, 0, width);
      for (const int64_t size : {1, 2, 3, 4, 14, 40}) {
        SCOPED_TRACE(testing::Message() << height << " x " << width << " by " << size);
        const torch::Tensor by_stride = pre_max_pool(map, size, 0);
        EXPECT_TRUE(torch::equal(by_stride, pooled_by_hand(map, stride_windows(height, size),
                                                           stride_windows(width, size))));
        EXPECT_EQ(by_stride.size(2) * by_stride.size(3), key_count(height, width, size));
        const torch::Tensor by_grid = pre_max_pool(map, 2, size);
        EXPECT_TRUE(torch::equal(
            by_grid, pooled_by_hand(map, grid_windows(height, size), grid_windows(width, size))));
        EXPECT_EQ(by_grid.size(2) * by_grid.size(3), key_count(height, width, 2, size));
      }
    }
  }
}

TEST(PreMaxPool, ByGridAndByStrideAreTheSameWhereTheGridDividesTheSide) {
  const torch::Tensor map = torch::randn({2, 3, 56, 56});
  EXPECT_TRUE(torch::equal(pre_max_pool(map, 4, 0), pre_max_pool(map, 1, 14)));
}

TEST(PreMaxPool, KeysAreLinearInTheLevelsAreaAndCeilOddSides) {
  EXPECT_EQ(key_count(28, 28, 2), 196);
  EXPECT_EQ(key_count(56, 56, 4), 196);
  EXPECT_EQ(key_count(9, 9, 2), 25);
  EXPECT_EQ(key_count(72, 72, 4, 14), 196);
  for (int64_t side = 8; side <= 64; side *= 2)
    EXPECT_EQ(key_count(2 * side, side, 4), 2 * key_count(side, side, 4));
}

TEST(PreMaxPool, AnImpossibleGridNamesItsKey) {
  CatOptions options;
  options.cla.kv_grid = -1;
  try {
    options.check();
    FAIL();
  } catch (const UsageError& problem) {
    EXPECT_EQ(problem.where(), "model.cla.kv_grid");
  }
}

}  // namespace
}  // namespace catamaran
