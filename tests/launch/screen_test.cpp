#include "launch/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace catamaran {
namespace {

using ::testing::ElementsAre;

// As much of a terminal as Screen asks for.
class Emulator {
 public:
  explicit Emulator(size_t columns) : columns_(columns) {}

  void write(const std::string& output) {
    for (size_t at = 0; at < output.size();) {
      if (output[at] == '\x1b') {
        at = escape(output, at + 2);
      } else {
        letter(output[at++]);
      }
    }
  }
  // Without the empty ones at the end.
  std::vector<std::string> lines() const {
    std::vector<std::string> shown = lines_;
    while (!shown.empty() && shown.back().empty()) shown.pop_back();
    return shown;
  }
  size_t row() const { return row_; }
  bool has_wrapped() const { return has_wrapped_; }

 private:
  size_t escape(const std::string& output, size_t at) {
    size_t count = 0;
    while (output.at(at) >= '0' && output.at(at) <= '9')
      count = 10 * count + static_cast<size_t>(output.at(at++) - '0');
    switch (output.at(at)) {
      case 'A':
        row_ -= count;
        break;
      case 'K':
        lines_[row_].resize(column_);
        break;
      case 'J':
        lines_.resize(row_ + 1);
        lines_[row_].resize(column_);
        break;
      default:
        ADD_FAILURE() << "an escape that this terminal does not know";
    }
    return at + 1;
  }
  void letter(char c) {
    if (c == '\r') {
      column_ = 0;
    } else if (c == '\n') {
      column_ = 0;
      if (++row_ == lines_.size()) lines_.emplace_back();
    } else {
      std::string& line = lines_[row_];
      if (column_ >= columns_) has_wrapped_ = true;
      if (line.size() <= column_) line.resize(column_ + 1, ' ');
      line[column_++] = c;
    }
  }

  size_t columns_;
  std::vector<std::string> lines_{""};
  size_t row_ = 0, column_ = 0;
  bool has_wrapped_ = false;
};

class ScreenTest : public testing::Test {
 protected:
  void draw(std::vector<std::string> lines) { terminal_.write(screen_.draw(std::move(lines))); }
  void say(const std::string& line) { terminal_.write(screen_.say(line)); }

  Emulator terminal_{20};
  Screen screen_{TerminalSize{.columns = 20, .rows = 5}};
};

TEST_F(ScreenTest, DrawsAgainInPlace) {
  draw({"one", "a longer line", "three"});
  draw({"1", "2", "3"});
  EXPECT_THAT(terminal_.lines(), ElementsAre("1", "2", "3"));
  draw({"only"});
  EXPECT_THAT(terminal_.lines(), ElementsAre("only"));
  draw({"one", "two"});
  EXPECT_THAT(terminal_.lines(), ElementsAre("one", "two"));
}

TEST_F(ScreenTest, WritesNothingWhereNothingHasChanged) {
  draw({"one", "two"});
  EXPECT_EQ(screen_.draw({"one", "two"}), "");
}

TEST_F(ScreenTest, KeepsWhatIsSaidAboveWhatIsDrawn) {
  draw({"progress 1", "more"});
  say("an event");
  draw({"progress 2", "more"});
  say("another");
  draw({"progress 3", "more"});
  EXPECT_THAT(terminal_.lines(), ElementsAre("an event", "another", "progress 3", "more"));
}

TEST_F(ScreenTest, NeverWraps) {
  draw({std::string(100, 'x'), "two"});
  EXPECT_FALSE(terminal_.has_wrapped());
  EXPECT_THAT(terminal_.lines(), ElementsAre(std::string(16, 'x') + "...", "two"));
}

TEST_F(ScreenTest, LeavesOutWhatHasNoRow) {
  draw({"1", "2", "3", "4", "5", "6"});
  EXPECT_THAT(terminal_.lines(), ElementsAre("1", "2", "3", "... and 3 more"));
}

TEST_F(ScreenTest, LeavesTheNextLineFreeAtItsEnd) {
  draw({"one", "two"});
  terminal_.write(screen_.finish());
  EXPECT_EQ(terminal_.row(), 2u);
  EXPECT_EQ(screen_.finish(), "");
}

TEST(ScreenWithoutATerminal, SaysLinesAndDrawsNothing) {
  Screen screen(std::nullopt);
  EXPECT_EQ(screen.draw({"one"}), "");
  EXPECT_EQ(screen.say("event"), "event\n");
  EXPECT_EQ(screen.finish(), "");
}

}  // namespace
}  // namespace catamaran
