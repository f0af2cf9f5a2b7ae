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

TEST(DidYouMean, FindsSwapsAndTyposAndNothingFar) {
  EXPECT_EQ(edit_distance("abc", "acb"), 1);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(did_you_mean("adamv", {"sgd", "adamw"}), " (did you mean 'adamw'?)");
  EXPECT_EQ(did_you_mean("zzzzzz", {"sgd", "adamw"}), "");
}

}  // namespace
}  // namespace catamaran
