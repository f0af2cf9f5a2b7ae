#include "support/json_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <vector>

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class JsonStream : public testing::Test {
 protected:
  void TearDown() override { fs::remove(path_); }

  std::vector<std::string> items(const std::string& content) const {
    std::ofstream(path_) << content;
    std::vector<std::string> read;
    read_json_items(path_, ErrorKind::kData,
                    {.lists = {"images", "names"}, .keys = {"id"}, .largest_bytes = 1 << 20},
                    [&](const std::string& list, const nlohmann::json& item) {
                      read.push_back(list + item.dump());
                    });
    return read;
  }
  std::string told(const std::string& content) const {
    try {
      items(content);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  const fs::path path_ =
      fs::temp_directory_path() / ("json-stream-" + std::to_string(::getpid()) + ".json");
};

TEST_F(JsonStream, GivesTheNamedKeysOfTheElementsInTheOrderOfTheFile) {
  EXPECT_THAT(items(R"({"names": [{"id": 1, "x": [[2, {"id": 3}]]}], "info": {"id": 4, "a": [5]},
                        "images": [{"y": {"id": 6}, "id": 7}, {}], "other": [{"id": 8}]})"),
              ElementsAre(R"(names{"id":1})", R"(images{"id":7})", "images{}"));
}

TEST_F(JsonStream, RefusesAKeptKeyThatOccursTwice) {
  EXPECT_THAT(told(R"({"images": [{"id": 1, "id": 2}]})"), HasSubstr("'id' occurs twice"));
  EXPECT_THAT(told(R"({"images": [], "images": []})"), HasSubstr("'images' occurs twice"));
}

TEST_F(JsonStream, RefusesDepthAlsoInWhatItReadsPast) {
  EXPECT_THAT(told(R"({"images": [{"x": )" + std::string(100, '[')), HasSubstr("nested more"));
  EXPECT_THAT(told(R"({"other": )" + std::string(100, '[')), HasSubstr("nested more"));
}

TEST_F(JsonStream, RefusesStructuresWhereItWouldHaveToHoldThem) {
  EXPECT_THAT(told("[[1]]"), HasSubstr("is a list"));
  EXPECT_THAT(told(R"({"images": [[1]]})"), HasSubstr("is a list"));
  EXPECT_THAT(told(R"({"images": [{"id": [1]}]})"), HasSubstr("'id' has the wrong type"));
  EXPECT_THAT(items(R"({"images": {"id": [1]}})"), ElementsAre());
}

TEST_F(JsonStream, RefusesAFileOverItsLimit) {
  EXPECT_THAT(told(R"({"images": [{"x": ")" + std::string(1 << 20, 'x') + "\"}]}"),
              HasSubstr("more than the limit"));
}

TEST_F(JsonStream, RefusesWhatIsCutShort) {
  EXPECT_THAT(told(R"({"images": [{"id": 1)"), HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace catamaran
