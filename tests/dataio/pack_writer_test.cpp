#include "dataio/pack_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(WritePack, RefusesAFileTooLargeForAPhotographUnreadAndLeavesNothing) {
  const fs::path folder =
      fs::path(testing::TempDir()) / ("write-pack-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  std::ofstream(folder / "huge.jpg") << "x";
  fs::resize_file(folder / "huge.jpg", uintmax_t{1} << 40);  // takes no room: nothing is written
  ImportedImages imported;
  imported.classes = {"a"};
  for (int i = 0; i < 4; ++i)
    imported.images.push_back(
        {.file = folder / "huge.jpg", .id = std::to_string(i), .labels = {1}});
  try {
    write_pack(imported, folder / "pack", {.threads = 3, .progress = false});
    ADD_FAILURE() << "a terabyte was packed";
  } catch (const DataError& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("4 image file(s) cannot be packed"));
    EXPECT_THAT(problem.what(), HasSubstr("huge.jpg: 1099511627776 bytes are no photograph"));
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace catamaran
