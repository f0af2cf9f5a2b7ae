#include "dataio/evaluation_crop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "dataio/picture_reader.h"
#include "loader_fixture.h"

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(EvaluationCrop, TakesEightSeventhsOfTheNetworksSizeUnlessToldOtherwise) {
  const EvaluationCrop center{.crop = "center"};
  EXPECT_EQ(center.shorter_side(224), 256);
  EXPECT_EQ(center.shorter_side(448), 512);
  EXPECT_EQ(center.shorter_side(288), 329) << "rounded down, as timm does";
  EXPECT_EQ(EvaluationCrop({.crop = "center", .resize = 232}).shorter_side(224), 232);
  EXPECT_EQ(EvaluationCrop().shorter_side(224), 0);
}

TEST(EvaluationCrop, IsRefusedWithTheKeyThatIsWrong) {
  EXPECT_THAT(EvaluationCrop().problems(224), IsEmpty());
  for (const int64_t resize : {0, 224, 300, 16384}) {
    EXPECT_THAT(EvaluationCrop({.crop = "center", .resize = resize}).problems(224), IsEmpty());
  }
  EXPECT_THAT(
      EvaluationCrop({.crop = "centre"}).problems(224),
      ElementsAre(HasSubstr("evaluate.crop: 'centre' is not known (did you mean 'center'?)")));
  for (const int64_t resize : {-1, 1, 223, 16385}) {
    EXPECT_THAT(EvaluationCrop({.crop = "center", .resize = resize}).problems(224),
                ElementsAre(StartsWith("evaluate.resize: must be the network's size, 224, to")));
  }
  EXPECT_THAT(EvaluationCrop({.crop = "none", .resize = 256}).problems(224),
              ElementsAre(StartsWith("evaluate.resize: is for the crop \"center\" alone")));
  EXPECT_THAT(EvaluationCrop({.crop = "center", .resize = 1}).problems(224, "--"),
              ElementsAre(StartsWith("--resize: ")));
}

TEST(EvaluationCrop, SeesTheMiddleOfAPictureOrAllOfIt) {
  const ImageSize size = {.height = 300, .width = 600};
  const Region all = seen_region(size, evaluation_placement(size, 0, 224), 224);
  EXPECT_THAT((std::vector{all.left, all.top, all.right, all.bottom}), ElementsAre(0, 0, 600, 300));
  // 600 x 300 becomes 512 x 256, of which columns 144 to 368 and rows 16 to 240 are seen.
  const Region middle = seen_region(size, evaluation_placement(size, 256, 224), 224);
  EXPECT_THAT((std::vector{middle.left, middle.top, middle.right, middle.bottom}),
              ElementsAre(168.75, 18.75, 431.25, 281.25));
}

TEST_F(LoaderTest, GivesEvaluationTheCentreCropThatTorchvisionMakes) {
  LoaderOptions options = training(2, 4);
  options.sample.training = false;
  options.sample.center_crop = 32;
  Loader loader(*pack_, options, batches(8));
  ImageDecoder decoder;
  while (const std::optional<Batch> batch = loader.next()) {
    std::vector<uint8_t> wanted;
    for (const int64_t index : batch->indices) {
      std::vector<uint8_t> jpeg;
      std::vector<uint8_t> square(static_cast<size_t>(kSize * kSize * 3));
      pack_->read_image(index, jpeg);
      decoder.decode(jpeg, center_crop(pack_->size(index), 32, kSize), kSize, square.data(), "x");
      wanted.insert(wanted.end(), square.begin(), square.end());
    }
    ASSERT_TRUE(pixels_of(*batch) == wanted);
  }
}

TEST(PictureReader, GivesThePicturesOfPredictTheCentreCropThatTorchvisionMakes) {
  const nlohmann::json golden = read_json_file(golden_path("augment/cases.json"), ErrorKind::kData);
  for (const auto& test_case : golden["center"]) {
    const std::string file = "augment/" + test_case["file"].get<std::string>();
    std::optional<std::string> name = golden_path(file + ".jpg").string();
    PictureReader reader({.size = test_case["size"], .center_crop = test_case["shorter"]},
                         [&](const std::stop_token&) { return std::exchange(name, std::nullopt); });
    const auto picture = reader.next();
    ASSERT_TRUE(picture);
    EXPECT_EQ(picture->error, "");
    EXPECT_TRUE(picture->pixels == golden_bytes(file + ".rgb")) << test_case;
  }
}

}  // namespace
}  // namespace catamaran
