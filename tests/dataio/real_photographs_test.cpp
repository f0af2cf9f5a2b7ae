// What evaluation sees of real photographs, at the sizes that networks have, bit for bit against
// PIL and torchvision, which tests/golden/real_photographs.py asks while this runs. All of
// CATAMARAN_TEST_DATA is slow; every run has a part of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "dataio/image.h"
#include "support/hash.h"

namespace catamaran {
namespace {

using Bytes = std::vector<uint8_t>;

struct Case {  // a line of the script
  std::string view;
  int64_t size = 0;
  std::string sha256;
  std::string path;
};

// The lines as the script writes them: it goes on with the next pictures meanwhile.
class Cases {
 public:
  explicit Cases(int every) {
    const std::string command = CATAMARAN_PYTHON " " CATAMARAN_PHOTOGRAPHS_SCRIPT " " +
                                std::to_string(every) + " 224 288 448 576";
    pipe_ = ::popen(command.c_str(), "r");
  }
  Cases(const Cases&) = delete;
  Cases& operator=(const Cases&) = delete;
  ~Cases() { finish(); }

  bool next(Case& into) {
    std::string line;
    for (std::array<char, 4096> part{}; std::fgets(part.data(), part.size(), pipe_) != nullptr;) {
      line += part.data();
      if (line.back() != '\n') continue;
      std::istringstream fields(line);
      fields >> into.view >> into.size >> into.sha256 >> std::ws;
      return static_cast<bool>(std::getline(fields, into.path));
    }
    return false;
  }
  // The script's exit status.
  int finish() { return pipe_ == nullptr ? 0 : ::pclose(std::exchange(pipe_, nullptr)); }

 private:
  FILE* pipe_ = nullptr;
};

Bytes content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string sha256_of(ImageDecoder& decoder, const Bytes& jpeg, const Case& of) {
  const ImageSize source = read_jpeg_size(jpeg, of.path);
  const Placement placement =
      of.view == "center" ? center_crop(source, of.size * 8 / 7, of.size) : whole_image(source);
  Bytes square(static_cast<size_t>(of.size * of.size * 3));
  decoder.decode(jpeg, placement, of.size, square.data(), of.path);
  return sha256({reinterpret_cast<const char*>(square.data()), square.size()});
}

void expect_pils_pixels(int every) {
  Cases cases(every);
  ImageDecoder decoder;
  Case given;
  Bytes jpeg;
  std::string read;  // the file in `jpeg`
  int64_t photographs = 0;
  int64_t compared = 0;
  std::vector<std::string> different;
  while (cases.next(given)) {
    if (given.path != read) {
      jpeg = content_of(given.path);
      read = given.path;
      ++photographs;
    }
    if (sha256_of(decoder, jpeg, given) != given.sha256)
      different.push_back(given.path + " at " + std::to_string(given.size) + ", " + given.view);
    ++compared;
  }
  ASSERT_EQ(cases.finish(), 0) << "of real_photographs.py";
  if (photographs == 0) GTEST_SKIP() << "no photographs: set CATAMARAN_TEST_DATA";
  EXPECT_EQ(compared, photographs * 4 * 2);
  EXPECT_THAT(different, ::testing::IsEmpty());
  std::printf("%ld squares of %ld photographs compared with PIL's, %zu different\n", compared,
              photographs, different.size());
}

TEST(Photographs, SpreadOverTheDataLookToEvaluationAsToPil) { expect_pils_pixels(50); }

TEST(SlowPhotographs, AllLookToEvaluationAsToPil) { expect_pils_pixels(1); }

}  // namespace
}  // namespace catamaran
