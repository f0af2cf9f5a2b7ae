#include "launch/bad_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double kNow = 1764038940;  // 2025-11-25 02:49:00 UTC
constexpr const char* kDayBefore = "2025-11-24T02:49:00Z";

std::vector<std::string> names(const BadNodes& bad) {
  std::vector<std::string> all;
  for (const BadNode& node : bad.nodes) all.push_back(node.name);
  return all;
}

TEST(BadNodes, AreOfTheNewestSevenDays) {
  const std::string text =
      "n1 2025-11-18T02:49:01Z fan\nn2 2025-11-18T02:49:00Z fan\nn3 2025-11-25T02:49:00Z fan\n";
  EXPECT_THAT(names(parse_bad_nodes(text, "f", kNow)), ElementsAre("n1", "n3"));
}

TEST(BadNodes, TheNewestLineOfANodeCounts) {
  const std::string text = std::string("n1 2025-11-20T00:00:00Z fan\nn1 ") + kDayBefore +
                           " GPU 3: a row  is bad\nn1 2025-11-01T00:00:00Z old\n";
  const BadNodes bad = parse_bad_nodes(text, "f", kNow);
  ASSERT_EQ(bad.nodes.size(), 1U);
  EXPECT_EQ(bad.nodes[0].reason, "GPU 3: a row  is bad");
  EXPECT_EQ(bad.nodes[0].unix_seconds, kNow - 86400);
}

TEST(BadNodes, RemarksAndEmptyLinesAreNothing) {
  const BadNodes bad = parse_bad_nodes("# n9 2025-11-24T02:49:00Z\n\n   \n", "f", kNow);
  EXPECT_THAT(bad.nodes, IsEmpty());
  EXPECT_THAT(bad.left_out, IsEmpty());
}

TEST(BadNodes, LinesOfAnotherFormAreToldAndHarmNothing) {
  const std::string text = std::string("n1\nn2 yesterday fan\nn[3-4] ") + kDayBefore +
                           " x\n--exclude " + kDayBefore + " x\nn5 " + kDayBefore + "\n";
  const BadNodes bad = parse_bad_nodes(text, "bad-nodes.txt", kNow);
  EXPECT_THAT(names(bad), ElementsAre("n5"));
  EXPECT_THAT(bad.left_out, ElementsAre(HasSubstr("bad-nodes.txt: line 1 "), HasSubstr("line 2 "),
                                        HasSubstr("line 3 "), HasSubstr("line 4 ")));
}

TEST(BadNodes, AFileThatIsNotThereOrNoFileHasNone) {
  const fs::path folder = fs::path(testing::TempDir());
  EXPECT_THAT(read_bad_nodes(folder / "no-such-file", kNow).left_out, IsEmpty());
  EXPECT_THAT(read_bad_nodes(folder, kNow).left_out.size(), 1U);
}

TEST(BadNodes, OfALongFileTheEndIsRead) {
  const fs::path file = fs::path(testing::TempDir()) / ("bad-nodes-" + std::to_string(::getpid()));
  {
    std::ofstream out(file);
    out << "first " << kDayBefore << " x\n";
    for (int i = 0; i < 60000; ++i) out << "n" << i % 100 << " 2025-11-01T00:00:00Z old\n";
    out << "last " << kDayBefore << " x\n";
  }
  const BadNodes bad = read_bad_nodes(file, kNow);
  fs::remove(file);
  EXPECT_THAT(names(bad), ElementsAre("last"));
  EXPECT_THAT(bad.left_out, IsEmpty());
}

TEST(NodeName, IsWhatSlurmMayBeAskedToLeaveOut) {
  for (const char* name : {"n1", "gpu-07.cluster.org", "a_b"}) EXPECT_TRUE(is_node_name(name));
  for (const char* name : {"", "-x", "a b", "n[1-2]", "a,b", "a\n", "é"})
    EXPECT_FALSE(is_node_name(name)) << name;
}

}  // namespace
}  // namespace catamaran
