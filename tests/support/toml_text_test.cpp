#include "support/toml_text.h"

#include <gtest/gtest.h>

#include <limits>

namespace catamaran {
namespace {

TEST(TomlText, AFloatStaysAFloatAndReadsBackToTheSameNumber) {
  EXPECT_EQ(toml_text(0.1), "0.1");
  EXPECT_EQ(toml_text(3.0), "3.0");
  EXPECT_EQ(toml_text(1e-7), "1e-07");
  EXPECT_EQ(toml_text(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(toml_text(int64_t{-3}), "-3");
  EXPECT_EQ(toml_text(true), "true");
  EXPECT_EQ(toml_text(std::vector<double>{1, 0.5}), "[1.0, 0.5]");
}

TEST(TomlText, TextIsQuotedAndComesBackPlain) {
  for (const std::string& word : {std::string("sgd"), std::string("a \"b\"\\c\n"), std::string()}) {
    EXPECT_EQ(plain_of_toml(toml_text(word)), word);
  }
  EXPECT_EQ(toml_text(std::string("a\"b")), "\"a\\\"b\"");
  EXPECT_EQ(plain_of_toml("0.5"), "0.5");
  EXPECT_EQ(plain_of_toml("\"torn"), "\"torn");
  EXPECT_EQ(plain_of_toml("\""), "\"");
}

}  // namespace
}  // namespace catamaran
