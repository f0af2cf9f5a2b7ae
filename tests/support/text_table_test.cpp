#include "support/text_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/terminal.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;

TextTable table() {
  TextTable table({{.title = "name", .least = 6},
                   {.title = "loss", .side = Side::kRight, .drop = 2},
                   {.title = "state"},
                   {.title = "reason", .least = 8, .drop = 1}});
  table.add({"a", "0.5", "running", ""});
  table.add({"a longer name", "0.25", "failed", "the shard is gone"});
  return table;
}

TEST(TextTable, IsAsWideAsItNeedsInAFile) {
  EXPECT_THAT(table().lines(0),
              ElementsAre("name           loss  state    reason", "a               0.5  running",
                          "a longer name  0.25  failed   the shard is gone"));
}

TEST(TextTable, CutsTheLastColumnFirstThatMayBeCut) {
  EXPECT_THAT(table().lines(44),
              ElementsAre("name           loss  state    reason", "a               0.5  running",
                          "a longer name  0.25  failed   the shard i..."));
}

TEST(TextTable, LeavesColumnsOutWhereCuttingIsNotEnough) {
  EXPECT_THAT(table().lines(25), ElementsAre("name    state    reason", "a       running",
                                             "a l...  failed   the s..."));
  EXPECT_THAT(table().lines(17),
              ElementsAre("name      state", "a         running", "a lon...  failed"));
}

TEST(TextTable, NeverIsWiderThanATerminal) {
  for (int64_t width = 1; width < 60; ++width) {
    for (const std::string& line : table().lines(width)) EXPECT_LE(columns_of(line), width);
  }
}

TEST(TextTable, ShowsACellOnOneLineWhateverIsInIt) {
  TextTable odd(std::vector<TextColumn>{{.title = "reason"}});
  odd.add({"one\ntwo\tthree\x1b[2J\xff"});
  EXPECT_THAT(odd.lines(0), ElementsAre("reason", "one two three?[2J?"));
}

TEST(Terminal, CountsAndCutsCodePoints) {
  EXPECT_EQ(columns_of("gr\xc3\xbc\xc3\x9f"), 4);
  EXPECT_EQ(cut_to_columns("gr\xc3\xbc\xc3\x9f", 4), "gr\xc3\xbc\xc3\x9f");
  EXPECT_EQ(cut_to_columns("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4), "\xc3\xbc...");
  EXPECT_EQ(cut_to_columns("abcdef", 2), "ab");
  EXPECT_EQ(cut_to_columns("abcdef", 0), "");
  EXPECT_EQ(padded("\xc3\xbc", 3) + "|", "\xc3\xbc  |");
  EXPECT_EQ(padded_left("12", 4), "  12");
  EXPECT_EQ(padded_left("12345", 4), "12345");
}

TEST(Terminal, IsReadFromALaunchersWord) {
  const std::optional<TerminalSize> size = terminal_of("120x40");
  ASSERT_TRUE(size);
  EXPECT_EQ(size->columns, 120);
  EXPECT_EQ(size->rows, 40);
  for (const char* other : {"", "120", "x40", "120x", "0x40", "-3x4", "120x40x", "99999x1", "a"})
    EXPECT_FALSE(terminal_of(other)) << other;
}

}  // namespace
}  // namespace catamaran
