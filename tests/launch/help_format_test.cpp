#include "launch/help_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>

#include "launch/path_checks.h"

namespace catamaran {
namespace {

using testing::HasSubstr;
using testing::Not;

class Help : public testing::Test {
 protected:
  Help() { app_.formatter(std::make_shared<HelpFormat>()); }
  std::string text() const { return app_.help(); }

  CLI::App app_{"An app", "app"};
  std::string name_ = "id";
  int64_t number_ = 3;
  bool flag_ = true;
};

TEST_F(Help, ShowsChoicesAndTheDefaultInWords) {
  app_.add_option("--order", name_, "of classes")
      ->check(CLI::IsMember({"id", "name"}))
      ->capture_default_str();
  EXPECT_THAT(text(), HasSubstr("--order id|name (default: id)"));
}

TEST_F(Help, ShowsRangesOfNumbersInWords) {
  app_.add_option("--threads", number_, "of them")->check(CLI::Range(0, 64))->capture_default_str();
  app_.add_option("--count", number_, "of them")->check(at_least(1));
  app_.add_option("--share", number_, "of them")->check(probability());
  app_.add_option("--rate", number_, "of them")->check(CLI::PositiveNumber);
  EXPECT_THAT(text(), HasSubstr("--threads 0 to 64 (default: 3)"));
  EXPECT_THAT(text(), HasSubstr("--count NUMBER from 1 on"));
  EXPECT_THAT(text(), HasSubstr("--share 0 to 1"));
  EXPECT_THAT(text(), HasSubstr("--rate NUMBER above 0"));
}

TEST_F(Help, ShowsNeitherTheValueOfAFlagNorTheTypesOfTheProgram) {
  app_.add_flag("!--no-decode", flag_, "trust the files");
  app_.add_option("--seed", number_, "of the lot");
  app_.add_option("--out", name_, "the page")->check(result_file({".html"}));
  EXPECT_THAT(text(), HasSubstr("--no-decode  "));
  EXPECT_THAT(text(), HasSubstr("--out FILE"));
  for (const char* const inner : {"{", "INT", "UINT", "in ["})
    EXPECT_THAT(text(), Not(HasSubstr(inner)));
}

TEST_F(Help, SaysWhichOptionsGoTogether) {
  CLI::Option* file = app_.add_option("--file", name_, "names")->required();
  app_.add_option("--count", number_, "or so many")->needs(file);
  app_.add_option("--seed", number_, "of the lot")->excludes(file);
  EXPECT_THAT(text(), HasSubstr("--file TEXT (required) (not with --seed)"));
  EXPECT_THAT(text(), HasSubstr("--count NUMBER (with --file)"));
}

}  // namespace
}  // namespace catamaran
