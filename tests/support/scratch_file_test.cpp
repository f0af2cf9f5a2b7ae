#include "support/scratch_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

TEST(ScratchFile, GivesBackWhatWasAppendedAndHasNoName) {
  const fs::path folder =
      fs::temp_directory_path() / ("scratch-file-" + std::to_string(::getpid()));
  fs::create_directory(folder);
  ScratchFile scratch(folder);
  EXPECT_TRUE(fs::is_empty(folder));
  scratch.append("abc", 3);
  scratch.append("defg", 4);
  EXPECT_EQ(scratch.bytes(), 7);
  std::string got(4, '?');
  scratch.read(2, got.data(), 4);
  EXPECT_EQ(got, "cdef");
  EXPECT_THROW(scratch.read(5, got.data(), 4), DataError);
  fs::remove(folder);
}

TEST(ScratchFile, NamesAFolderThatIsNotThere) {
  try {
    ScratchFile scratch("/nowhere/at-all");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("/nowhere/at-all"), std::string::npos);
  }
}

}  // namespace
}  // namespace catamaran
