#include "support/normal_path.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

TEST(NormalPath, IsOneForAllNamesOfAFolder) {
  for (const char* name : {"/a/b", "/a/b/", "/a/./b", "/a/c/../b/", "//a/b"})
    EXPECT_EQ(normal_path(name), "/a/b") << name;
  EXPECT_EQ(normal_path("x"), std::filesystem::current_path() / "x");
}

TEST(LeadsOut, IsTrueOfEveryNameThatIsNotSurelyOfTheFolder) {
  for (const char* name : {"", "/etc/passwd", "..", "../a.jpg", "a/../../b.jpg", "a/.."})
    EXPECT_TRUE(leads_out(name)) << name;
  for (const char* name : {"a.jpg", "./a.jpg", "a/b.jpg", "..a.jpg", "a..b/c.jpg"})
    EXPECT_FALSE(leads_out(name)) << name;
}

}  // namespace
}  // namespace catamaran
