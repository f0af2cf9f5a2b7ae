#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "support/error.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/progress.h"
#include "support/text.h"

namespace catamaran {
namespace {

TEST(Json, RefusesDepthDuplicatesAndRubbishNamingTheFile) {
  for (const std::string& text : {std::string(100, '['), std::string(R"({"a":1,"a":2})"),
                                  std::string("{"), std::string("{} x"), std::string("NaN")}) {
    try {
      parse_json(text, "file.json", ErrorKind::kWeights);
      ADD_FAILURE() << "accepted " << text;
    } catch (const Error& problem) {
      EXPECT_EQ(problem.kind(), ErrorKind::kWeights);
      EXPECT_EQ(std::string(problem.what()).find("file.json"), 0u) << problem.what();
    }
  }
  EXPECT_EQ(parse_json(R"({"a":{"b":1},"c":{"b":2}})", "", ErrorKind::kData)["c"]["b"],
            2);  // the same key in two objects is fine
}

TEST(Json, TakesSixtyFourLevelsBelowTheRootAndNoMore) {
  const auto nested = [](int levels) {
    return std::string(static_cast<size_t>(levels), '[') +
           std::string(static_cast<size_t>(levels), ']');
  };
  EXPECT_NO_THROW(parse_json(nested(kJsonDeepest + 1), "", ErrorKind::kData));
  EXPECT_THROW(parse_json(nested(kJsonDeepest + 2), "", ErrorKind::kData), Error);
  EXPECT_THROW(parse_json(std::string(1'000'000, '['), "", ErrorKind::kData), Error);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_THROW(parse_json(objects, "", ErrorKind::kData), Error);
}

TEST(Json, RefusesNumbersThatNoDoubleHoldsAndTextThatIsNoUtf8) {
  for (const char* text :
       {"1e400", "-1e400", "[1e999999999]", "\"\xff\"", "\"\\ud800\"", "Infinity"})
    EXPECT_THROW(parse_json(text, "", ErrorKind::kData), Error) << text;
}

TEST(Json, RefusesAFileOverItsLimitBeforeItReadsIt) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "large.json";
  std::ofstream(path) << "{}";
  EXPECT_NO_THROW(read_json_file(path, ErrorKind::kData));
  std::filesystem::resize_file(path, kJsonLargestBytes + 1);  // a hole: no disk is used
  try {
    read_json_file(path, ErrorKind::kData);
    FAIL();
  } catch (const Error& problem) {
    EXPECT_NE(std::string(problem.what()).find("more than the limit"), std::string::npos);
  }
  EXPECT_THROW(read_json_file("/dev/zero", ErrorKind::kData), Error);
  std::filesystem::remove(path);
}

TEST(Json, AMissingOrMistypedFieldIsNamed) {
  const nlohmann::json object = {{"a", "text"}};
  EXPECT_EQ(json_field<std::string>(object, "a", "x", ErrorKind::kData), "text");
  EXPECT_THROW(json_field<int64_t>(object, "a", "x", ErrorKind::kData), Error);
  EXPECT_THROW(json_field<int64_t>(object, "b", "x", ErrorKind::kData), Error);
}

TEST(Hash, EqualsKnownValues) {
  EXPECT_EQ(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(xxh3("")), "2d06800538d394c2");
  EXPECT_EQ(from_hex(to_hex(0x0123456789abcdefull)), 0x0123456789abcdefull);
  EXPECT_THROW(from_hex("12"), DataError);
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "hash.bin";
  std::string content(3'000'000, 'x');
  content[2'500'000] = 'y';
  std::ofstream(path) << content;
  EXPECT_EQ(sha256_of_file(path), sha256(content));
  EXPECT_EQ(xxh3_of_file(path), xxh3(content));
  int64_t read = 0;
  EXPECT_EQ(xxh3_of_file(path, [&read](int64_t bytes) { read += bytes; }), xxh3(content));
  EXPECT_EQ(read, std::ssize(content));
}

TEST(Text, FormatsLikePrintf) {
  EXPECT_EQ(text("%d of %s, %.1f %%", 3, "x", 2.25), "3 of x, 2.2 %");
}

TEST(Duration, ReadsAsPeopleWriteIt) {
  EXPECT_EQ(format_duration(5), "0:05");
  EXPECT_EQ(format_duration(245.2), "4:05");
  EXPECT_EQ(format_duration(3723), "1:02:03");
}

TEST(Error, ReadsAsWhereWhatAndHowToGoOn) {
  const DataError error("the shard is short", "a.h5", "copy it again");
  EXPECT_STREQ(error.what(), "a.h5: the shard is short; copy it again");
  EXPECT_EQ(error.kind(), ErrorKind::kData);
}

}  // namespace
}  // namespace catamaran
