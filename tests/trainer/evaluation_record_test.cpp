#include "trainer/evaluation_record.h"

#include <gtest/gtest.h>

#include "support/error.h"

namespace catamaran {
namespace {

EvaluationCrop read(const std::string& record) {
  SafetensorsHeader header;
  header.metadata[kEvaluationKey] = record;
  return recorded_evaluation(header, 224, "model.safetensors");
}

TEST(EvaluationRecord, ReadsBackAsThePixelsThatWereShown) {
  const EvaluationCrop center = read(evaluation_record({.crop = "center"}, 224));
  EXPECT_EQ(center.crop, "center");
  EXPECT_EQ(center.resize, 256);
  EXPECT_EQ(read(evaluation_record({.crop = "center", .resize = 240}, 224)).resize, 240);
  EXPECT_EQ(read(evaluation_record({}, 224)).shorter_side(224), 0);
}

TEST(EvaluationRecord, IsOfTheWholePictureWhereTheFileDoesNotSay) {
  EXPECT_EQ(recorded_evaluation({}, 224, "model.safetensors").shorter_side(224), 0);
}

TEST(EvaluationRecord, IsRefusedWhereNoRunWritesIt) {
  for (const char* record :
       {"", "3", "[]", R"({"crop": "center"})", R"({"crop": "five", "resize": 0})",
        R"({"crop": "center", "resize": 10})", R"({"crop": "center", "resize": 1e300})",
        R"({"crop": "center", "resize": 9000000000})", R"({"crop": "none", "resize": 256})"}) {
    try {
      read(record);
      ADD_FAILURE() << record << " was accepted";
    } catch (const Error& problem) {
      EXPECT_EQ(problem.kind(), ErrorKind::kWeights) << record;
    }
  }
}

}  // namespace
}  // namespace catamaran
