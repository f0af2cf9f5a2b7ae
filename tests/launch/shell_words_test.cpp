#include "launch/shell_words.h"

#include <gtest/gtest.h>

#include "launch/program_output.h"

namespace catamaran {
namespace {

const std::vector<std::string> kWords = {"plain",  "a b", "it's", "$HOME",   "`id`", "\"q\"", "*",
                                         "a;b|c&", "",    "\\",   "é[3]=()", "!x",   "~",     "#"};

TEST(ShellWord, IsReadBackByBashAsItWas) {
  for (const std::string& word : kWords) {
    const ProgramOutput said =
        run_program({"bash", "-c", "x=" + shell_word(word) + "; printf %s \"$x\""}, 30);
    EXPECT_EQ(said.out, word);
  }
}

TEST(ShellWord, LeavesWhatIsPlainAsItIs) {
  EXPECT_EQ(shell_word("/shared/runs/cat-1"), "/shared/runs/cat-1");
  EXPECT_EQ(shell_word("--partition=gpu,long:2"), "--partition=gpu,long:2");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(ShellList, IsAnArrayOfTheSameWords) {
  const ProgramOutput said = run_program(
      {"bash", "-c", "x=" + shell_list(kWords) + "; printf '%s\\n' \"${#x[@]}\" \"${x[@]}\""}, 30);
  std::string expected = std::to_string(kWords.size()) + "\n";
  for (const std::string& word : kWords) expected += word + "\n";
  EXPECT_EQ(said.out, expected);
  EXPECT_EQ(shell_list({}), "()");
}

TEST(ShellCommand, CanBeTypedAgain) {
  EXPECT_EQ(shell_command({"sbatch", "--parsable", "/a b/submit.sbatch"}),
            "sbatch --parsable '/a b/submit.sbatch'");
}

// How Slurm takes the line apart (src/sbatch/opt.c, get_argument): \ before any character, quotes,
// and # for a comment.
std::string read_by_sbatch(const std::string& line) {
  std::string word;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '#' || c == ' ') {
      break;
    } else {
      word += c;
    }
  }
  return word;
}

TEST(SbatchWord, IsReadBackBySlurmAsItWas) {
  for (const char* word :
       {"--comment=a b", "--output=/it's/a \"run\"/#1/job-%j.log", "--x=\\", "--partition=gpu"})
    EXPECT_EQ(read_by_sbatch(sbatch_word(word)), word) << sbatch_word(word);
}

TEST(SbatchFile, KeepsPerCentSignsOfThePath) {
  EXPECT_EQ(sbatch_file("/runs/100%j"), "/runs/100%%j");
}

TEST(LineBreaks, AreFound) {
  EXPECT_TRUE(has_line_break("a\nb"));
  EXPECT_TRUE(has_line_break("a\rb"));
  EXPECT_TRUE(has_line_break(std::string("a\0b", 3)));
  EXPECT_FALSE(has_line_break("a b é"));
}

}  // namespace
}  // namespace catamaran
