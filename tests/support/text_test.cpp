#include "support/text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace catamaran {
namespace {

TEST(Text, FormatsLongerThanAnyBuffer) {
  const std::string long_word(5000, 'x');
  EXPECT_EQ(text("%s %d", long_word.c_str(), 7), long_word + " 7");
}

TEST(Text, NumberedNamesMatchAsAWhole) {
  EXPECT_TRUE(is_numbered_name("shard-00012.h5", "shard-", 5, ".h5"));
  EXPECT_FALSE(is_numbered_name("shard-0001.h5", "shard-", 5, ".h5"));
  EXPECT_FALSE(is_numbered_name("shard-000123.h5", "shard-", 5, ".h5"));
  EXPECT_FALSE(is_numbered_name("shard-0001x.h5", "shard-", 5, ".h5"));
  EXPECT_FALSE(is_numbered_name("../shard-00012.h5", "shard-", 5, ".h5"));
  EXPECT_TRUE(is_numbered_name("step-00000020", "step-", 8));
  EXPECT_FALSE(is_numbered_name("step-00000020.tmp", "step-", 8));
}

TEST(Text, ShapesAreLists) {
  EXPECT_EQ(shape_text(std::vector<int64_t>{2, 3, 64}), "[2, 3, 64]");
  EXPECT_EQ(shape_text({}), "[]");
}

TEST(Text, NamesTheFirstClassThatDiffers) {
  EXPECT_EQ(first_difference({"cat", "dog"}, {"cat", "cow"}),
            "class 1 is 'dog' in one and 'cow' in the other");
  EXPECT_EQ(first_difference({"cat"}, {"cat", "cow"}), "1 and 2 classes");
}

TEST(Text, PrintableKeepsTextAndDisarmsTheRest) {
  EXPECT_EQ(printable("naïve 日本\n\ttab"), "naïve 日本\n\ttab");
  EXPECT_EQ(printable("a\x1b[31mb\x07"), "a?[31mb?");
  EXPECT_EQ(printable("\xff\xfe ok \xc3"), "?? ok ?");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(printable("\xe2\x82"), "??");
}

TEST(Utf8, IsWhatJsonTakes) {
  for (const std::string good : {"", "naïve 日本 🐈", "\x7f", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
    EXPECT_NO_THROW(nlohmann::json(good).dump());
  }
  for (const std::string bad : {"caf\xe9", "\xe2\x82", "\x80", "\xc0\xaf", "\xe0\x9f\xbf",
                                "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
    EXPECT_THROW(nlohmann::json(bad).dump(), nlohmann::json::type_error) << printable(bad);
  }
}

}  // namespace
}  // namespace catamaran
