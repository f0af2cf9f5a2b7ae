// Decode and resize against PIL, whose results tests/golden/dataio_image.py wrote.
#include "dataio/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "dataio/resize.h"
#include "golden_images.h"
#include "support/error.h"
#include "support/philox.h"

namespace catamaran {
namespace {

using ::testing::HasSubstr;
Placement placement_of(const nlohmann::json& test_case) {
  const auto& box = test_case["box"];
  Placement placement;
  placement.region = {.left = box[0], .top = box[1], .right = box[2], .bottom = box[3]};
  placement.mirrored = test_case["mirrored"];
  return placement;
}

void expect_every_case_is_pils() {
  ImageDecoder decoder;
  int64_t cases = 0;
  for (const auto& test_case : golden()["cases"]) {
    const std::string name = test_case["file"];
    const int64_t size = test_case["size"];
    Bytes out(static_cast<size_t>(size * size * 3));
    decoder.decode(read_file(name + ".jpg"), placement_of(test_case), size, out.data(), name);
    EXPECT_TRUE(out == read_file(test_case["golden"])) << test_case.dump();
    ++cases;
  }
  EXPECT_GT(cases, 400);
}

TEST(ImageDecoder, DecodesWholeImagesAsPilDoes) {
  ImageDecoder decoder;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    const RgbImage image = decoder.decode_whole(read_file(name + ".jpg"), name);
    EXPECT_EQ(image.size.width, file["width"]) << name;
    EXPECT_EQ(image.size.height, file["height"]) << name;
    EXPECT_TRUE(image.pixels == read_file(name + ".rgb")) << name;
  }
}

TEST(ImageDecoder, ResizesRegionsAndMirrorsAsPilDoes) { expect_every_case_is_pils(); }

TEST(ImageDecoder, GivesTheSameBytesWithEveryInstructionSet) {
  const std::vector<int64_t> targets = hwy::SupportedAndGeneratedTargets();
  for (int64_t target : targets) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    expect_every_case_is_pils();
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

std::string complaint_of(const std::function<void()>& decode) {
  try {
    decode();
    return "";
  } catch (const DataError& problem) {
    return problem.what();
  }
}

TEST(ImageDecoder, VerifyRefusesWhatDecodingRefusesForTheSameReason) {
  ImageDecoder decoder;
  int64_t refused = 0;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    const Bytes whole = read_file(name + ".jpg");
    for (uint32_t trial = 0; trial < 40; ++trial) {
      const auto random = philox_4x32_10({trial, 0, 0, 0}, {7, 1});
      Bytes jpeg = whole;
      if (trial % 4 == 1) jpeg.resize(random[0] % jpeg.size());
      if (trial % 4 > 1) jpeg[random[0] % jpeg.size()] ^= static_cast<uint8_t>(random[1]);
      const std::string decoded = complaint_of([&] { decoder.decode_whole(jpeg, name); });
      EXPECT_EQ(complaint_of([&] { decoder.verify(jpeg, name); }), decoded) << name << trial;
      refused += decoded.empty() ? 0 : 1;
    }
  }
  EXPECT_GT(refused, 500);
}

// Mean difference of two squares, levels of 255.
double mean_difference(const Bytes& a, const Bytes& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(int{a[i]} - int{b[i]});
  return sum / static_cast<double>(a.size());
}

TEST(ImageDecoder, DecodesFastWithinItsBoundAndExactlyWhereNothingIsToBeSaved) {
  ImageDecoder decoder;
  double largest = 0;
  double sum = 0;
  int64_t shrunk = 0;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    if (!name.starts_with("photo-")) continue;
    const Bytes jpeg = read_file(name + ".jpg");
    const ImageSize source = read_jpeg_size(jpeg, name);
    for (const int64_t size : {16, 31, 56, 64, 112, 224, 448}) {
      const auto bytes = static_cast<size_t>(size * size * 3);
      for (const Placement& placement : {whole_image(source), center_crop(source, size, size)}) {
        Bytes exact(bytes);
        Bytes fast(bytes);
        decoder.decode(jpeg, placement, size, exact.data(), name);
        decoder.decode(jpeg, placement, size, fast.data(), name, Exactness::kFast);
        if (std::min(source.height, source.width) < 2 * size) {
          EXPECT_TRUE(exact == fast) << name << " at " << size;
        } else {
          const double difference = mean_difference(exact, fast);
          largest = std::max(largest, difference);
          sum += difference;
          ++shrunk;
        }
      }
    }
  }
  if (shrunk == 0) GTEST_SKIP() << "no photographs: set CATAMARAN_TEST_DATA";
  EXPECT_LE(largest, 6) << "of " << shrunk;
  EXPECT_LE(sum / static_cast<double>(shrunk), 1.5) << "of " << shrunk;
}

TEST(ImageDecoder, WritesNothingBeyondItsSquare) {
  ImageDecoder decoder;
  const Bytes jpeg = read_file("made-99x101-420.jpg");
  for (int64_t size : {1, 2, 3, 31, 64}) {
    const auto bytes = static_cast<size_t>(size * size * 3);
    Bytes out(bytes + 100, 0xAB);
    decoder.decode(jpeg, whole_image({.height = 101, .width = 99}), size, out.data(), "x");
    EXPECT_EQ(Bytes(out.begin() + static_cast<int64_t>(bytes), out.end()), Bytes(100, 0xAB));
  }
}

TEST(JpegDecoder, GivesTheSamePixelsWhicheverWindowIsAskedFor) {
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    expect_windows_of(read_file(name + ".jpg"), golden_image(file), name);
  }
}

TEST(JpegDecoder, DoesSoForEverySubsamplingOfColour) {
  const RgbImage picture =
      ImageDecoder().decode_whole(read_file("made-333x250-444.jpg"), "made-333x250-444");
  for (const int subsampling :
       {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_GRAY, TJSAMP_440, TJSAMP_411}) {
    for (const int flags : {0, TJFLAG_PROGRESSIVE}) {
      const Bytes jpeg = subsampled_jpeg(picture, subsampling, flags);
      const std::string name = "subsampling " + std::to_string(subsampling);
      expect_windows_of(jpeg, ImageDecoder().decode_whole(jpeg, name), name);
    }
  }
}

TEST(ImageDecoder, RefusesEveryFileThatPilRefuses) {
  ImageDecoder decoder;
  for (const auto& file : golden()["damaged"]) {
    const std::string name = file["name"];
    const Bytes bytes = read_file(name + ".bin");
    if (file["pil_takes"]) continue;
    EXPECT_THROW(decoder.decode_whole(bytes, name), DataError) << name;
  }
}

TEST(ImageDecoder, GoesOnWithTheNextImageAfterADamagedOne) {
  ImageDecoder decoder;
  const Bytes whole = read_file("made-333x250-420.jpg");
  const Bytes cut(whole.begin(), whole.begin() + static_cast<int64_t>(whole.size() / 2));
  EXPECT_THROW(decoder.decode_whole(cut, "cut"), DataError);
  EXPECT_TRUE(decoder.decode_whole(whole, "whole").pixels == read_file("made-333x250-420.rgb"));
}

std::string message_of(const Bytes& bytes) {
  try {
    read_jpeg_size(bytes, "000012");
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ReadJpegSize, SaysTheSizeOfTheHeader) {
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    const ImageSize size = read_jpeg_size(read_file(name + ".jpg"), name);
    EXPECT_EQ(size.width, file["width"]) << name;
    EXPECT_EQ(size.height, file["height"]) << name;
  }
}

TEST(ReadJpegSize, NamesTheImageAndTheFormatItReallyIs) {
  EXPECT_THAT(message_of(read_file("is-PNG.bin")),
              HasSubstr("image 000012: the file is no JPEG, but a PNG"));
  EXPECT_THAT(message_of(read_file("is-WEBP.bin")), HasSubstr("a WebP"));
  EXPECT_THAT(message_of({}), HasSubstr("the file is empty"));
}

TEST(ReadJpegSize, RefusesMorePixelsThanTheLimitBeforeAnyIsDecoded) {
  Bytes jpeg = read_file("made-64x48-444.jpg");
  const Bytes frame = {0xFF, 0xC0, 0x00, 0x11, 0x08};  // then height, width, big-endian
  const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
  ASSERT_NE(at, jpeg.end());
  std::fill(at + 5, at + 9, uint8_t{0xF0});
  EXPECT_THAT(message_of(jpeg), HasSubstr("more than 268435456"));
}

TEST(ImageDecoder, RefusesARegionThatTheImageDoesNotHave) {
  ImageDecoder decoder;
  Bytes out(size_t{8} * 8 * 3);
  EXPECT_THROW(decoder.decode(read_file("made-64x48-444.jpg"),
                              whole_image({.height = 48, .width = 65}), 8, out.data(), "x"),
               DataError);
}

}  // namespace
}  // namespace catamaran
