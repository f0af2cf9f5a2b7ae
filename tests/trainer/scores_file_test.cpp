#include "trainer/scores_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include "dataio/hdf5.h"
#include "dataio/pack_reader.h"
#include "dataio/pack_writer.h"
#include "trainer/api.h"

namespace {

// What reaches the disk in which order: this program's own fsync and rename, which every library
// calls instead of libc's, note it down.
std::vector<std::string>* noted = nullptr;

}  // namespace

extern "C" int fsync(int fd) {
  if (noted != nullptr) {
    const std::filesystem::path link = "/proc/self/fd/" + std::to_string(fd);
    const std::filesystem::path path = std::filesystem::read_symlink(link);
    noted->push_back(std::filesystem::is_directory(path) ? "fsync folder" : "fsync file");
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

extern "C" int rename(const char* from, const char* to) {
  if (noted != nullptr) noted->emplace_back("rename");
  return static_cast<int>(::syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}

namespace catamaran {
namespace {

namespace fs = std::filesystem;

void write_jpeg(const fs::path& path) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* bytes = nullptr;
  unsigned long count = 0;  // NOLINT(google-runtime-int): libjpeg's type
  jpeg_mem_dest(&info, &bytes, &count);
  info.image_width = info.image_height = 8;
  info.input_components = 1;
  info.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&info);
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> pixels(8, 128);
  JSAMPROW row = pixels.data();
  while (info.next_scanline < info.image_height) jpeg_write_scanlines(&info, &row, 1);
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  std::free(bytes);
}

class ScoresFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / ("scores-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    write_jpeg(folder_ / "a.jpg");
    ImportedImages images{"set", "split", {"cat", "dog"}, {}, {}, {}};
    images.images.push_back({folder_ / "a.jpg", "first", {1, -1}});
    images.images.push_back({folder_ / "a.jpg", "second", {-1, 0}});
    PackWriterOptions quiet;
    quiet.progress = false;
    write_pack(images, folder_ / "pack", quiet);
  }
  void TearDown() override {
    noted = nullptr;
    fs::remove_all(folder_);
  }

  EvaluateRequest request() const {
    EvaluateRequest made;
    made.checkpoint = folder_ / "a.jpg";  // only its name is written down
    made.pack = folder_ / "pack";
    return made;
  }

  fs::path folder_;
  ScoreTable table_{{"cat", "dog"}, 2, {0, 1}, {.5F, -1.F, 2.F, 0.F}, {1, -1, -1, 0}};
};

TEST_F(ScoresFile, IsDurableBeforeItTakesItsNameAndTheFolderAfter) {
  std::vector<std::string> order;
  noted = &order;
  write_scores(folder_ / "scores.h5", table_, request());
  noted = nullptr;
  EXPECT_THAT(order, testing::ElementsAre("fsync file", "rename", "fsync folder"));
  const H5File file = open_hdf5(folder_ / "scores.h5");
  EXPECT_THAT(read_texts(file, "/id", 2, folder_), testing::ElementsAre("first", "second"));
  EXPECT_THAT(read_text_attribute(file, "classes", 2, folder_), testing::ElementsAre("cat", "dog"));
}

TEST_F(ScoresFile, IsReadBackAsItWasForThePackItIsOf) {
  write_scores(folder_ / "scores.h5", table_, request());
  const ScoreTable read = read_scores(folder_ / "scores.h5", PackReader(folder_ / "pack"));
  EXPECT_EQ(read.scores, table_.scores);
  EXPECT_EQ(read.labels, table_.labels);
  EXPECT_EQ(read.indices, table_.indices);
  EXPECT_EQ(read.classes, table_.classes);
}

TEST_F(ScoresFile, OfAnotherPackOrNoneAtAllIsRefused) {
  write_scores(folder_ / "scores.h5", table_, request());
  ImportedImages images{"set", "split", {"cat", "dog"}, {}, {}, {}};
  images.images.push_back({folder_ / "a.jpg", "first", {1, -1}});
  images.images.push_back({folder_ / "a.jpg", "third", {-1, 0}});
  PackWriterOptions quiet;
  quiet.progress = false;
  write_pack(images, folder_ / "other", quiet);
  EXPECT_THROW(read_scores(folder_ / "scores.h5", PackReader(folder_ / "other")), DataError);
  images.images.pop_back();
  write_pack(images, folder_ / "fewer", quiet);
  EXPECT_THROW(read_scores(folder_ / "scores.h5", PackReader(folder_ / "fewer")), DataError);
  EXPECT_THROW(read_scores(folder_ / "a.jpg", PackReader(folder_ / "pack")), DataError);
}

TEST_F(ScoresFile, LeavesNothingBehindWhereItCannotBeWritten) {
  fs::create_directory(folder_ / "scores.h5");
  EXPECT_THROW(write_scores(folder_ / "scores.h5", table_, request()), Error);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 3);  // a.jpg, pack, scores.h5
}

}  // namespace
}  // namespace catamaran
