#include "launch/host_list.h"

#include <gtest/gtest.h>

namespace catamaran {
namespace {

TEST(HostList, IsWrittenAsSlurmWritesIt) {
  EXPECT_EQ(host_list_text({}), "");
  EXPECT_EQ(host_list_text({"login"}), "login");
  EXPECT_EQ(host_list_text({"n3"}), "n3");
  EXPECT_EQ(host_list_text({"n2", "n1", "n4", "n2"}), "n[1-2,4]");
  EXPECT_EQ(host_list_text({"n9", "n10", "n11"}), "n[9-11]");
  EXPECT_EQ(host_list_text({"login", "n08", "n09", "n10"}), "login,n[08-10]");
  EXPECT_EQ(host_list_text({"a1", "b1", "b2"}), "a1,b[1-2]");
}

TEST(HostList, KeepsTheZerosOfNumbers) {
  EXPECT_EQ(host_list_text({"n007"}), "n007");
  EXPECT_EQ(host_list_text({"n1", "n01"}), "n01,n1");
  EXPECT_EQ(host_list_text({"n099", "n100", "n1000"}), "n1000,n[099-100]");
}

TEST(HostList, TakesNamesOfDigitsAndDomainsAsTheyAre) {
  EXPECT_EQ(host_list_text({"n1.example.org", "n2.example.org"}), "n1.example.org,n2.example.org");
  EXPECT_EQ(host_list_text({"12", "13"}), "[12-13]");
  EXPECT_EQ(host_list_text({"i-123456789012345"}), "i-123456789012345");
}

}  // namespace
}  // namespace catamaran
