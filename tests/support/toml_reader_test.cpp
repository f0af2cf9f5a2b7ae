#include "support/toml_reader.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "support/error.h"
#include "support/nearest.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

fs::path write(const std::string& name, const std::string& content) {
  const fs::path folder = fs::path(testing::TempDir()) / ("toml_" + std::to_string(::getpid()));
  fs::create_directories(folder / "base");
  std::ofstream(folder / name) << content;
  return folder / name;
}

TEST(TomlReader, ExtendsOverridesAndRemembersWhereEachValueCameFrom) {
  write("base/b.toml", "[batch]\nglobal = 1\nper_device = 2\n[a]\nx = 1\n");
  const fs::path file = write("top.toml", "extends = \"base/b.toml\"\n[batch]\nglobal = 3\n");
  TomlReader reader;
  reader.load(file);
  reader.set("a.x=2.5");
  reader.set("a.name=word");
  int64_t global = 0, per_device = 0, kept = 9;
  double x = 0;
  std::string name;
  reader.read("batch.global", global);
  reader.read("batch.per_device", per_device);
  reader.read("batch.none", kept);
  reader.read("a.x", x);
  reader.read("a.name", name);
  reader.throw_if_problems();
  EXPECT_EQ(global, 3);
  EXPECT_EQ(per_device, 2);
  EXPECT_EQ(kept, 9);
  EXPECT_EQ(x, 2.5);
  EXPECT_EQ(name, "word");
  EXPECT_EQ(reader.source("batch.global"), file.string() + ":3:10");
  EXPECT_NE(reader.source("batch.per_device").find("b.toml:3"), std::string::npos);
  EXPECT_EQ(reader.source("a.x"), "--set");
  EXPECT_EQ(reader.source("batch.none"), "default");
}

TEST(TomlReader, ATableOfTheUsersKeysIsReadInTheOrderOfFilesAndLines) {
  write("base/axes.toml", "[axes.grid]\n\"batch.global\" = [4]\nz = [1]\n");
  const fs::path file = write("axes.toml",
                              "extends = \"base/axes.toml\"\n[axes.grid]\nb.x = [1, 2.5, "
                              "\"w\", true]\na = { least = 1e-3 }\n\"batch.global\" = [8]\n"
                              "when = 1979-05-27\n");
  TomlReader reader;
  reader.load(file);
  std::vector<std::string> seen;
  for (const TomlItem& item : reader.read_table("axes.grid"))
    seen.push_back(item.key + " " + item.value);
  const std::vector<std::string> wanted = {"z [1]", "b.x [1, 2.5, \"w\", true]", "a.least 0.001",
                                           "batch.global [8]", "when "};
  EXPECT_EQ(seen, wanted);
  EXPECT_NE(reader.read_table("axes.grid").front().source.find("base/axes.toml:3:5"),
            std::string::npos);
  EXPECT_TRUE(reader.read_table("axes.zip").empty());
  EXPECT_TRUE(reader.problems().empty());  // they are all read
}

TEST(TomlReader, AListOfAnyValuesAndAListOfTablesComeAsTomlText) {
  const fs::path file = write("lists.toml",
                              "seeds = [1, 0.5, \"a\\\"b\", [1, 2]]\nno = 3\ndeep = [[[1]]]\n"
                              "[[list]]\ny = 1\nx.a = \"q\"\n[[list]]\nz = false\n");
  TomlReader reader;
  reader.load(file);
  const std::vector<std::string> wanted = {"1", "0.5", "\"a\\\"b\"", "[1, 2]"};
  EXPECT_EQ(reader.read_list("seeds"), wanted);
  const auto tables = reader.read_tables("list");
  ASSERT_EQ(tables.size(), 2u);
  ASSERT_EQ(tables[0].size(), 2u);
  EXPECT_EQ(tables[0][0].key, "y");
  EXPECT_EQ(tables[0][1].key, "x.a");
  EXPECT_EQ(tables[0][1].value, "\"q\"");
  EXPECT_EQ(tables[0][1].source, file.string() + ":6:7");
  EXPECT_EQ(tables[1][0].value, "false");
  EXPECT_FALSE(reader.read_list("none"));
  EXPECT_EQ(reader.problems().size(), 2u);  // no and deep are not read yet
  EXPECT_FALSE(reader.read_list("no"));
  EXPECT_FALSE(reader.read_list("deep"));
  EXPECT_TRUE(reader.read_tables("seeds").empty());
  EXPECT_EQ(reader.problems().size(), 3u);
}

TEST(TomlReader, ReportsEveryMistakeAtOnceWithPlaceAndNearestKey) {
  const fs::path file =
      write("wrong.toml",
            "[batch]\nglobl = 1\n[a]\nflag = 1\nlist = [1, \"x\"]\nwhole = 1.5\ntext = 3\n");
  TomlReader reader;
  reader.load(file);
  int64_t whole = 0, global = 0;
  bool flag = false;
  std::vector<double> list;
  std::string words;
  reader.read("batch.global", global);
  reader.read("a.flag", flag);
  reader.read("a.list", list);
  reader.read("a.whole", whole);
  reader.read("a.text", words);
  try {
    reader.throw_if_problems();
    FAIL();
  } catch (const UsageError& problem) {
    const std::string text = problem.what();
    EXPECT_NE(text.find("5 mistakes"), std::string::npos) << text;
    EXPECT_NE(text.find(file.string() +
                        ":2:9: there is no key 'batch.globl' (did you mean 'batch.global'?)"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("a.flag must be true or false, not 1"), std::string::npos) << text;
    EXPECT_NE(text.find("a.list must be a list of numbers"), std::string::npos) << text;
    EXPECT_NE(text.find("a.whole must be a whole number, not 1.5"), std::string::npos) << text;
    EXPECT_NE(text.find("a.text must be text in quotes, not 3"), std::string::npos) << text;
  }
}

TEST(TomlReader, TakesWholeNumbersWhereFloatsAreDue) {
  TomlReader reader;
  reader.set("a.x=3");
  reader.set("a.list=[1, 2.5]");
  double x = 0;
  std::vector<double> list;
  reader.read("a.x", x);
  reader.read("a.list", list);
  reader.throw_if_problems();
  EXPECT_EQ(x, 3);
  EXPECT_EQ(list, (std::vector<double>{1, 2.5}));
}

int64_t read_whole(const fs::path& file, const std::string& key) {
  TomlReader reader;
  reader.load(file);
  int64_t value = -1;
  reader.read(key, value);
  return value;
}

std::string failure(const fs::path& file) {
  TomlReader reader;
  try {
    reader.load(file);
  } catch (const UsageError& problem) {
    return problem.what();
  }
  return "";
}

TEST(TomlReader, ExtendsAListOfFilesOfWhichLaterOnesWinAndTheFileItselfLast) {
  write("base/common.toml", "[a]\nx = 0\ny = 0\nz = 0\nw = 0\n");
  write("base/data.toml", "extends = \"common.toml\"\n[a]\nx = 1\ny = 1\nz = 1\n");
  write("base/recipe.toml", "[a]\ny = 2\nz = 2\n");
  const fs::path file =
      write("listed.toml", "extends = [\"base/data.toml\", \"base/recipe.toml\"]\n[a]\nz = 3\n");
  EXPECT_EQ(read_whole(file, "a.w"), 0);
  EXPECT_EQ(read_whole(file, "a.x"), 1);
  EXPECT_EQ(read_whole(file, "a.y"), 2);
  EXPECT_EQ(read_whole(file, "a.z"), 3);
}

TEST(TomlReader, MayReachABaseOnTwoWaysButNotFromItself) {
  write("base/root.toml", "[a]\nx = 1\n");
  write("base/left.toml", "extends = \"root.toml\"\n");
  write("base/right.toml", "extends = \"root.toml\"\n[a]\nx = 2\n");
  const fs::path both = write("both.toml", "extends = [\"base/left.toml\", \"base/right.toml\"]\n");
  EXPECT_EQ(read_whole(both, "a.x"), 2);
  write("base/circle_b.toml", "extends = [\"root.toml\", \"../circle_a.toml\"]\n");
  const std::string text = failure(write("circle_a.toml", "extends = \"base/circle_b.toml\"\n"));
  const size_t first = text.find("circle_a.toml -> ");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_NE(text.find("circle_b.toml -> ", first), std::string::npos) << text;
  EXPECT_EQ(text.find("root.toml"), std::string::npos) << text;
}

TEST(TomlReader, ReportsAMissingBaseWithTheChainThatNamesIt) {
  write("base/root.toml", "[a]\nx = 1\n");
  write("base/middle.toml", "extends = [\"root.toml\", \"nowhere.toml\"]\n");
  const std::string text = failure(write("start.toml", "extends = \"base/middle.toml\"\n"));
  EXPECT_NE(text.find("nowhere.toml: there is no such file"), std::string::npos) << text;
  EXPECT_NE(text.find("start.toml -> "), std::string::npos) << text;
  EXPECT_NE(text.find("middle.toml"), std::string::npos) << text;
}

TEST(TomlReader, RefusesAnExtendsThatIsNoFileName) {
  for (const char* value : {"3", "[]", "[\"base/b.toml\", 3]", "{file = \"b.toml\"}"}) {
    const std::string text = failure(write("odd.toml", std::string("extends = ") + value + "\n"));
    EXPECT_NE(text.find("'extends' must be a file name"), std::string::npos) << value << text;
  }
}

// Each of these ended the program by its stack, or took all its memory or minutes.
TEST(TomlReader, RefusesWhatIsTooLargeOrTooDeepToBeAConfigurationBeforeItIsParsed) {
  std::string dots = "a";
  for (int i = 0; i < 200'000; ++i) dots += ".a";
  for (const std::string& content : {"[" + dots + "]\n", dots + " = 1\n",
                                     "x = {" + dots + " = 1}\n", "x = [[{" + dots + " = 1}]]\n"})
    EXPECT_NE(failure(write("dots.toml", content)).find("more than 4096 dots"), std::string::npos);
  EXPECT_NE(
      failure(write("large.toml", "# " + std::string(1 << 20, 'x') + "\n")).find("more than 1 MiB"),
      std::string::npos);
  EXPECT_NE(failure(write("lists.toml", "x = " + std::string(100'000, '['))).find("not valid TOML"),
            std::string::npos);
  TomlReader reader;
  EXPECT_THROW(reader.set("x={" + dots + "=1}"), UsageError);
}

TEST(TomlReader, AllowsSixtyFourLevelsOfTables) {
  std::string key = "a";
  for (int i = 1; i < kTomlDeepest; ++i) key += ".a";
  EXPECT_EQ(read_whole(write("deep.toml", key + " = 7\n"), key), 7);
  EXPECT_NE(failure(write("deeper.toml", key + ".a = 7\n")).find("more than 64 levels"),
            std::string::npos);
}

// Twice the same base on each of 40 levels: 2^40 files.
TEST(TomlReader, RefusesFilesThatExtendTooMany) {
  write("base/many0.toml", "[a]\nx = 1\n");
  for (int i = 1; i <= 40; ++i) {
    const std::string base = "\"many" + std::to_string(i - 1) + ".toml\"";
    write("base/many" + std::to_string(i) + ".toml", "extends = [" + base + ", " + base + "]\n");
  }
  const std::string text = failure(write("many.toml", "extends = \"base/many40.toml\"\n"));
  EXPECT_NE(text.find("more than 100 files"), std::string::npos) << text;
}

TEST(TomlReader, TellsTheFirstHundredMistakesAndHowManyMoreThereAre) {
  std::string content;
  for (int i = 0; i < 100'000; ++i) content += "k" + std::to_string(i) + "=1\n";
  TomlReader reader;
  reader.load(write("mistakes.toml", content));
  int64_t value = 0;
  reader.read("batch.global", value);
  try {
    reader.throw_if_problems();
    FAIL();
  } catch (const UsageError& problem) {
    const std::string text = problem.what();
    EXPECT_NE(text.find("100000 mistakes"), std::string::npos);
    EXPECT_NE(text.find("and 99900 more"), std::string::npos);
    EXPECT_LT(text.size(), 100'000U);
  }
}

TEST(DidYouMean, LooksAtNoNameThatIsMuchShorterOrLonger) {
  EXPECT_EQ(did_you_mean(std::string(1 << 20, 'a'), {std::string(1 << 10, 'a'), "a"}), "");
  EXPECT_EQ(did_you_mean("ema.dcay", {"ema.decay.of.something.else", "ema.decay"}),
            " (did you mean 'ema.decay'?)");
}

TEST(DidYouMean, FindsSwapsAndTyposAndNothingFar) {
  EXPECT_EQ(edit_distance("abc", "acb"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(did_you_mean("adamv", {"sgd", "adamw"}), " (did you mean 'adamw'?)");
  EXPECT_EQ(did_you_mean("zzzzzz", {"sgd", "adamw"}), "");
}

}  // namespace
}  // namespace catamaran
