// JPEG files with restart markers: that they are made without loss, and read in parts.
#include "dataio/restart_markers.h"

#include <gtest/gtest.h>

#include <optional>

#include "dataio/jpeg_segments.h"
#include "golden_images.h"
#include "made_jpeg.h"
#include "support/error.h"

namespace catamaran {
namespace {

bool is_photograph(const std::string& name) { return name.starts_with("photo-"); }

// The markers of a file that may stand in its codes, in order.
std::vector<uint8_t> restarts_of(const Bytes& jpeg) {
  std::vector<uint8_t> found;
  for (size_t i = 0; i + 1 < jpeg.size(); ++i) {
    if (jpeg[i] == 0xFF && jpeg[i + 1] >= 0xD0 && jpeg[i + 1] <= 0xD7) found.push_back(jpeg[i + 1]);
  }
  return found;
}

TEST(RestartMarkers, KeepEveryPixelOfEveryKindOfFile) {
  RestartMarkers markers;
  ImageDecoder decoder;
  int64_t made = 0;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    ASSERT_TRUE(markers.add(read_file(name + ".jpg"), name)) << name;
    EXPECT_TRUE(decoder.decode_whole(markers.result(), name).pixels == read_file(name + ".rgb"))
        << name;
    ++made;
  }
  EXPECT_GT(made, 50);
}

TEST(RestartMarkers, LetEveryWindowBeReadByItself) {
  RestartMarkers markers;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    ASSERT_TRUE(markers.add(read_file(name + ".jpg"), name)) << name;
    expect_windows_of(markers.result(), golden_image(file), name);
  }
}

TEST(RestartMarkers, ChangeNoPixelWhateverTheSubsamplingAndTheSizeThatIsDecoded) {
  RestartMarkers markers;
  ImageDecoder decoder;
  int64_t compared = 0;
  const auto compare = [&](const Bytes& jpeg, const std::string& name) {
    ASSERT_TRUE(markers.add(jpeg, name)) << name;
    const ImageSize source = read_jpeg_size(jpeg, name);
    expect_windows_of(markers.result(), decoder.decode_whole(jpeg, name), name);
    for (const int64_t size : {8, 17, 33, 64}) {
      for (uint32_t trial = 0; trial < 6; ++trial) {
        const Placement placement =
            choose_placement({.crop = "random_resized"}, source, size, 1, trial, 0);
        Bytes without(static_cast<size_t>(size * size * 3));
        Bytes with(without.size());
        decoder.decode(jpeg, placement, size, without.data(), name, Exactness::kFast);
        decoder.decode(markers.result(), placement, size, with.data(), name, Exactness::kFast);
        EXPECT_TRUE(with == without) << name << " at " << size;
        ++compared;
      }
    }
  };
  const RgbImage picture =
      decoder.decode_whole(read_file("made-333x250-444.jpg"), "made-333x250-444");
  for (const int subsampling :
       {TJSAMP_444, TJSAMP_422, TJSAMP_420, TJSAMP_GRAY, TJSAMP_440, TJSAMP_411})
    compare(subsampled_jpeg(picture, subsampling, 0), "subsampling " + std::to_string(subsampling));
  EXPECT_EQ(compared, 6 * 4 * 6);
}

TEST(RestartMarkers, CostLessThanAThirtiethOfAPhotograph) {
  RestartMarkers markers;
  size_t before = 0;
  size_t after = 0;
  for (const auto& file : golden()["files"]) {
    const std::string name = file["name"];
    if (!is_photograph(name)) continue;
    const Bytes jpeg = read_file(name + ".jpg");
    ASSERT_TRUE(markers.add(jpeg, name));
    before += jpeg.size();
    after += markers.result().size();
  }
  if (before == 0) GTEST_SKIP() << "no photographs: set CATAMARAN_TEST_DATA";
  EXPECT_LT(after * 30, before * 31);
}

TEST(RestartMarkers, AreTheSameWhenAddedAgain) {
  RestartMarkers markers;
  ASSERT_TRUE(markers.add(read_file("made-333x250-420.jpg"), "once"));
  const Bytes once = markers.result();
  ASSERT_TRUE(markers.add(once, "twice"));
  EXPECT_TRUE(markers.result() == once);
}

TEST(RestartMarkers, LeaveDamagedFilesToTheDecoder) {
  RestartMarkers markers;
  const Bytes whole = read_file("made-333x250-420.jpg");
  const Bytes cut(whole.begin(), whole.begin() + static_cast<int64_t>(whole.size() / 2));
  EXPECT_FALSE(markers.add(cut, "cut"));
  EXPECT_THROW(markers.add(Bytes{}, "empty"), DataError);
  EXPECT_TRUE(markers.add(whole, "whole"));
}

TEST(RestartMarkers, LeaveOutWhatIsNoPicture) {
  RestartMarkers markers;
  ASSERT_TRUE(markers.add(read_file("made-orientation-6.jpg"), "turned"));
  const Bytes& made = markers.result();
  const std::string text(made.begin(), made.end());
  EXPECT_EQ(text.find("Exif"), std::string::npos);
}

// What JpegDecoder asks of JpegSegments, of a file of 4:4:4 in rows of `in_row` blocks.
JpegLayout layout_of(const Bytes& jpeg, ImageSize size, int64_t interval) {
  size_t scan = 2;  // the start of scan's segment ends where the codes begin
  while (jpeg.at(scan + 1) != 0xDA) scan += 2 + size_t{jpeg.at(scan + 2)} * 256 + jpeg.at(scan + 3);
  return {.size = size,
          .block_width = 8,
          .block_height = 8,
          .restart_interval = interval,
          .is_one_scan = true,
          .codes = scan + 2 + size_t{jpeg.at(scan + 2)} * 256 + jpeg.at(scan + 3)};
}

// 32 x 48 pixels in 4:4:4: 6 rows of 4 blocks, a marker behind each row.
Bytes six_rows() {
  RestartMarkers markers;
  EXPECT_TRUE(markers.add(made_jpeg(32, 48, 200, 100, 50), "made"));
  EXPECT_EQ(restarts_of(markers.result()).size(), 5U);
  return markers.result();
}
constexpr ImageSize kSixRows = {.height = 48, .width = 32};

TEST(JpegSegments, CutTheRowsAboveAWindowAndBelowIt) {
  const Bytes jpeg = six_rows();
  JpegSegments segments;
  ASSERT_TRUE(segments.open(jpeg, layout_of(jpeg, kSixRows, 4)));
  const auto part = segments.cut({.left = 10, .top = 17, .right = 20, .bottom = 30});
  ASSERT_TRUE(part);
  EXPECT_EQ(part->left, 0);
  EXPECT_EQ(part->top, 16);
  EXPECT_EQ(part->right, 32);
  EXPECT_EQ(part->bottom, 32);
  const Bytes made(segments.part().begin(), segments.part().end());
  const ImageSize size = read_jpeg_size(made, "part");
  EXPECT_EQ(size.height, 16);
  EXPECT_EQ(size.width, 32);
  EXPECT_EQ(restarts_of(made), std::vector<uint8_t>{0xD0});
  EXPECT_EQ(made[made.size() - 2], 0xFF);
  EXPECT_EQ(made.back(), 0xD9);
}

TEST(JpegSegments, CutNothingWhereNothingIsSaved) {
  const Bytes jpeg = six_rows();
  JpegSegments segments;
  ASSERT_TRUE(segments.open(jpeg, layout_of(jpeg, kSixRows, 4)));
  EXPECT_FALSE(segments.cut({.left = 0, .top = 7, .right = 32, .bottom = 20}));
  ASSERT_TRUE(segments.open(jpeg, layout_of(jpeg, kSixRows, 4)));
  EXPECT_TRUE(segments.cut({.left = 0, .top = 8, .right = 32, .bottom = 20}));
}

TEST(JpegSegments, LeaveFilesAloneWhoseRowsAreNotWholeSegments) {
  const Bytes jpeg = six_rows();
  JpegSegments segments;
  EXPECT_FALSE(segments.open(jpeg, layout_of(jpeg, kSixRows, 0)));
  EXPECT_FALSE(segments.open(jpeg, layout_of(jpeg, kSixRows, 3)));
  EXPECT_FALSE(segments.open(jpeg, layout_of(jpeg, kSixRows, 8)));
  JpegLayout progressive = layout_of(jpeg, kSixRows, 4);
  progressive.is_one_scan = false;
  EXPECT_FALSE(segments.open(jpeg, progressive));
}

TEST(JpegSegments, LeaveMarkersThatAreNotInOrderToTheDecoder) {
  const PixelWindow window = {.left = 0, .top = 24, .right = 32, .bottom = 32};
  Bytes jpeg = six_rows();
  JpegSegments segments;
  for (size_t i = jpeg.size() - 3; i > 0; --i) {  // the last marker, as if one had been lost
    if (jpeg[i] != 0xFF || jpeg[i + 1] != 0xD4) continue;
    jpeg[i + 1] = 0xD5;
    break;
  }
  ASSERT_TRUE(segments.open(jpeg, layout_of(jpeg, kSixRows, 4)));
  EXPECT_TRUE(segments.cut(window)) << "it is not looked at";
  ASSERT_TRUE(segments.open(jpeg, layout_of(jpeg, kSixRows, 4)));
  EXPECT_FALSE(segments.cut({.left = 0, .top = 32, .right = 32, .bottom = 48}));
  JpegDecoder decoder;
  decoder.open(jpeg, "made");
  EXPECT_THROW(decoder.decode({.left = 0, .top = 32, .right = 32, .bottom = 48}), DataError);
}

TEST(JpegSegments, ReadNothingBesideTheWindow) {
  Bytes jpeg = six_rows();
  const Bytes whole = jpeg;
  const JpegLayout layout = layout_of(jpeg, kSixRows, 4);
  jpeg[layout.codes] ^= 0x55;  // of the first row
  JpegDecoder decoder;
  const PixelWindow window = {.left = 0, .top = 30, .right = 32, .bottom = 40};
  decoder.open(jpeg, "made");
  const PixelView view = decoder.decode(window);
  EXPECT_EQ(view.window.top, 30);
  JpegDecoder of_whole;
  of_whole.open(whole, "made");
  const PixelView wanted = of_whole.decode(window);
  EXPECT_TRUE(std::equal(view.pixels, view.pixels + 32 * 4, wanted.pixels));
}

}  // namespace
}  // namespace catamaran
