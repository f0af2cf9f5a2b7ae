#include "trainer/explained_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/error.h"
#include "trainer/views.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;

const std::vector<double> kHalf = {.5, .5, .5, .5};

TEST(ExplainedLabels, AreThoseOverTheThresholdMostProbableFirst) {
  const std::vector<double> p = {.6, .9, .4, .7};
  EXPECT_THAT(labels_to_show(p, kHalf, {}, 9), ElementsAre(1, 3, 0));
  EXPECT_THAT(labels_to_show(p, kHalf, {}, 2), ElementsAre(1, 3));
  EXPECT_THAT(labels_to_show(p, std::vector<double>{.5, .95, .3, .8}, {}, 9), ElementsAre(0, 2));
}

TEST(ExplainedLabels, AreNeverNone) {
  EXPECT_THAT(labels_to_show(std::vector<double>{.1, .3, .2, 0}, kHalf, {}, 3), ElementsAre(1));
}

TEST(ExplainedLabels, HoldEveryLabelOfTheTruthWhateverTheLimit) {
  const std::vector<double> p = {.6, .9, .4, .7};
  const std::vector<int8_t> truth = {1, -1, 1, 0};
  EXPECT_THAT(labels_to_show(p, kHalf, truth, 1), ElementsAre(1, 0, 2));
}

TEST(ExplainedLabels, StandToTheTruthInSixWays) {
  EXPECT_STREQ(name_of(verdict(.5, .5, 1)), "right");
  EXPECT_STREQ(name_of(verdict(.4, .5, 1)), "missing");
  EXPECT_STREQ(name_of(verdict(.6, .5, -1)), "wrong");
  EXPECT_STREQ(name_of(verdict(.6, .5, 0)), "ignored");
  EXPECT_STREQ(name_of(verdict(.4, .5, -1)), "absent");
  EXPECT_STREQ(name_of(verdict(.6, .5, kNoTruth)), "predicted");
  EXPECT_STREQ(name_of(verdict(.4, .5, kNoTruth)), "absent");
  EXPECT_STREQ(word_of(verdict(.6, .5, 1)), "");
}

std::vector<int64_t> sizes(const std::string& augment, int64_t input) {
  std::vector<int64_t> all;
  for (const View& view : views(augment, input)) all.push_back(view.size);
  return all;
}

TEST(Views, ScalesAreMultiplesOfTheStrideAndDiffer) {
  EXPECT_THAT(sizes("scales", 448), ElementsAre(384, 448, 512));
  EXPECT_THAT(sizes("scales", 224), ElementsAre(192, 224, 256));
  EXPECT_THAT(sizes("scales", 240), ElementsAre(224, 240, 256));
  EXPECT_THAT(sizes("scales", 128), ElementsAre(96, 128, 160));
  EXPECT_THAT(sizes("scales", 64), ElementsAre(32, 64, 96));
  EXPECT_THAT(sizes("scales", 32), ElementsAre(32, 64));
}

TEST(Views, OnlyFlipLooksAtTheMirrorImage) {
  EXPECT_TRUE(views("flip", 64).front().also_mirrored);
  EXPECT_FALSE(views("none", 64).front().also_mirrored);
  EXPECT_EQ(views("flip", 64).size(), 1u);
  EXPECT_THROW(views("rotate", 64), UsageError);
}

}  // namespace
}  // namespace catamaran
