// Headers of safetensors files that somebody made to do harm, one by one and by the thousand.
#include "support/safetensors_header.h"

#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "support/error.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOne = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" +
         offsets + "}";
}

std::string refusal(const std::string& json, int64_t data_bytes) {
  try {
    parse_safetensors_header(json, data_bytes, "file.safetensors");
  } catch (const WeightsError& problem) {
    EXPECT_EQ(std::string(problem.what()).find("file.safetensors"), 0u) << problem.what();
    EXPECT_EQ(std::string(problem.what()).find('\n'), std::string::npos) << problem.what();
    return problem.what();
  }
  ADD_FAILURE() << "accepted: " << json.substr(0, 200);
  return "";
}

void expect_refused(const std::string& json, int64_t data_bytes, const std::string& because) {
  const std::string message = refusal(json, data_bytes);
  EXPECT_NE(message.find(because), std::string::npos) << json.substr(0, 200) << " -> " << message;
}

std::string refusal_of_file(const std::string& content) {
  const fs::path path = fs::path(testing::TempDir()) / "header_test.safetensors";
  std::ofstream(path, std::ios::binary) << content;
  try {
    read_safetensors_header(open_for_reading(path), path);
  } catch (const Error& problem) {
    return problem.what();
  }
  return "accepted";
}

std::string length_bytes(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xff);
  return bytes;
}

TEST(SafetensorsHeader, ReadsNamesTypesShapesPlacesAndMetadata) {
  const SafetensorsHeader header = parse_safetensors_header(
      "{\"__metadata__\":{\"k\":\"v\"}," + entry("b", "I8", "[2,2]", "[4,8]") + "," +
          entry("a", "F32", "[]", "[0,4]") + "}   ",
      8, "");
  ASSERT_EQ(header.entries.size(), 2u);
  EXPECT_EQ(header.entries[0].name, "a");
  EXPECT_EQ(header.entries[1].shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(header.entries[1].begin, 4);
  EXPECT_EQ(header.entries[1].bytes, 4);
  EXPECT_EQ(header.metadata.at("k"), "v");
}

TEST(SafetensorsHeader, RefusesLengthsThatAreWrongBeforeItReadsMore) {
  EXPECT_NE(refusal_of_file("").find("only 0 bytes"), std::string::npos);
  EXPECT_NE(refusal_of_file("1234567").find("only 7 bytes"), std::string::npos);
  EXPECT_NE(refusal_of_file(length_bytes(0) + kOne).find("begin with '{'"), std::string::npos);
  EXPECT_NE(refusal_of_file(length_bytes(7) + kOne + "1234").find("not valid JSON"),
            std::string::npos);
  for (const uint64_t length :
       {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{101'000'000}, uint64_t{60}}) {
    EXPECT_NE(refusal_of_file(length_bytes(length) + kOne + "1234").find("the file has 66"),
              std::string::npos)
        << length;
  }
}

TEST(SafetensorsHeader, RefusesAHeaderOverTheLimitThatIsReallyThere) {
  const fs::path path = fs::path(testing::TempDir()) / "long_header.safetensors";
  {
    std::ofstream file(path, std::ios::binary);
    file << length_bytes(100'000'001) << '{';
  }
  fs::resize_file(path, 100'000'100);  // a hole: no disk is used
  try {
    read_safetensors_header(open_for_reading(path), path);
    FAIL();
  } catch (const WeightsError& problem) {
    EXPECT_NE(std::string(problem.what()).find("more than the limit"), std::string::npos);
  }
  fs::remove(path);
}

TEST(SafetensorsHeader, RefusesWhatIsNoJsonObjectInUtf8) {
  expect_refused(std::string(" ") + kOne, 4, "begin with '{'");
  expect_refused("[1]", 0, "begin with '{'");
  expect_refused("{", 0, "not valid JSON");
  expect_refused("{\"\xff\xfe\": 1}", 0, "UTF-8");
  expect_refused(R"({"\ud800":1})", 0, "UTF-8");
  expect_refused(std::string(kOne) + "x", 4, "not valid JSON");
  expect_refused(std::string(kOne) + std::string(1, '\0'), 4, "not valid JSON");
}

TEST(SafetensorsHeader, RefusesKeysThatOccurTwiceAtEveryLevel) {
  const std::string a = entry("a", "F32", "[1]", "[0,4]");
  expect_refused("{" + a + "," + a + "}", 4, "'a' occurs twice");
  expect_refused(R"({"__metadata__":{"k":"1","k":"2"}})", 0, "'k' occurs twice");
  expect_refused(R"({"__metadata__":{},"__metadata__":{}})", 0, "occurs twice");
  expect_refused(R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
                 "'dtype' occurs twice");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})", 4,
                 "'shape' occurs twice");
}

TEST(SafetensorsHeader, RefusesDepthAtTheFirstLevelThatHasNoPlace) {
  std::string bomb = R"({"a":)";
  for (int i = 0; i < 1'000'000; ++i) bomb += "[";
  expect_refused(bomb, 0, "a list where it does not belong");
  bomb = R"({"a":{"shape":)" + std::string(1'000'000, '[');
  expect_refused(bomb, 0, "tensor 'a'");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  expect_refused(objects, 0, "");
}

TEST(SafetensorsHeader, RefusesOffsetsThatAreNoWholeNumbersInOrderInsideTheFile) {
  for (const char* offsets : {"[-4,0]", "[0.0,4]", "[0,4.0]", "[0,4e0]", "[0,9007199254740993]",
                              "[0,18446744073709551616]", "[\"0\",4]", "[0,true]", "[null,4]",
                              "[0,[4]]", "[4]", "[]", "[0,4,8]", "4", "{}"}) {
    expect_refused("{" + entry("a", "F32", "[1]", offsets) + "}", 4, "tensor 'a'");
  }
  expect_refused("{" + entry("a", "F32", "[1]", "[4,0]") + "}", 8, "outside the file");
  expect_refused("{" + entry("a", "F32", "[1]", "[0,8]") + "}", 4, "outside the file");
  expect_refused("{" + entry("a", "U8", "[9007199254740992]", "[0,9007199254740992]") + "}", 4,
                 "outside the file");
}

TEST(SafetensorsHeader, RefusesOverlapHolesAndBytesOfNobody) {
  const std::string a = entry("a", "F32", "[1]", "[0,4]");
  expect_refused("{" + a + "," + entry("b", "F32", "[1]", "[0,4]") + "}", 4, "overlap");
  expect_refused("{" + a + "," + entry("b", "F32", "[1]", "[2,6]") + "}", 6, "overlap");
  expect_refused("{" + a + "," + entry("b", "F32", "[1]", "[8,12]") + "}", 12, "hole");
  expect_refused("{" + entry("b", "F32", "[1]", "[4,8]") + "}", 8, "hole");
  expect_refused(kOne, 5, "belong to no tensor");
  expect_refused("{}", 1, "belong to no tensor");
}

TEST(SafetensorsHeader, LetsAnEmptyTensorStandBetweenOthersAndNowhereElse) {
  const std::string a = entry("a", "F32", "[1]", "[0,4]");
  const std::string c = entry("c", "F32", "[1]", "[4,8]");
  for (const char* place : {"[0,0]", "[4,4]", "[8,8]"}) {
    const SafetensorsHeader header = parse_safetensors_header(
        "{" + a + "," + entry("empty", "F32", "[3,0]", place) + "," + c + "}", 8, "");
    EXPECT_EQ(header.entries.size(), 3u);
  }
  expect_refused("{" + a + "," + entry("empty", "F32", "[0]", "[2,2]") + "," + c + "}", 8,
                 "tensor 'empty'");
  expect_refused("{" + a + "," + entry("empty", "F32", "[0]", "[12,12]") + "," + c + "}", 8,
                 "tensor 'empty'");
  expect_refused("{" + a + "," + entry("full", "F32", "[1]", "[4,4]") + "," + c + "}", 8,
                 "tensor 'full'");
}

TEST(SafetensorsHeader, RefusesShapesAndTypesThatDoNotGiveTheBytes) {
  expect_refused("{" + entry("a", "F32", "[2]", "[0,4]") + "}", 4, "need 8 bytes, not 4");
  expect_refused("{" + entry("a", "F64", "[1]", "[0,4]") + "}", 4, "need 8 bytes, not 4");
  expect_refused("{" + entry("a", "F32", "[-1]", "[0,4]") + "}", 4, "the shape holds");
  expect_refused("{" + entry("a", "F32", "[1.0]", "[0,4]") + "}", 4, "the shape holds");
  expect_refused("{" + entry("a", "F32", "[4294967296,4294967296,4294967296]", "[0,4]") + "}", 4,
                 "too large");
  expect_refused("{" + entry("a", "F32", "[4294967296,1073741824]", "[0,0]") + "}", 0, "too large");
  std::string deep = "[1";
  for (int i = 0; i < 64; ++i) deep += ",1";
  expect_refused("{" + entry("a", "F32", deep + "]", "[0,4]") + "}", 4, "too many dimensions");
  for (const char* dtype : {"F33", "f32", "", "F8_E4M3"})
    expect_refused("{" + entry("a", dtype, "[1]", "[0,4]") + "}", 4, "is not known");
}

TEST(SafetensorsHeader, RefusesTensorsWithFieldsTooFewOrTooMany) {
  expect_refused(R"({"a":{"dtype":"F32","shape":[1]}})", 4, "needs dtype, shape and data_offsets");
  expect_refused(R"({"a":{}})", 4, "needs dtype, shape and data_offsets");
  expect_refused(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4,
                 "nothing else");
  expect_refused(R"({"a":1})", 0, "a number where it does not belong");
  expect_refused(R"({"a":"F32"})", 0, "text where it does not belong");
  expect_refused(R"({"__metadata__":{"k":1}})", 0, "a number where it does not belong");
  expect_refused(R"({"__metadata__":{"k":{}}})", 0, "an object where it does not belong");
  expect_refused(R"({"__metadata__":"text"})", 0, "text where it does not belong");
}

TEST(SafetensorsHeader, NamesInMessagesCannotActOnATerminal) {
  const std::string message =
      refusal("{" + entry("a\\u001b[2J\\n", "F32", "[2]", "[0,4]") + "}", 4);
  EXPECT_NE(message.find("tensor 'a?[2J?'"), std::string::npos) << message;
}

TEST(SafetensorsHeader, SaysWhichScriptReadsAPyTorchFile) {
  for (const std::string& begin : {std::string("PK\x03\x04"), std::string("\x80\x02\x8a\x0a")}) {
    const std::string message = refusal_of_file(begin + std::string(100, 'x'));
    EXPECT_NE(message.find("scripts/weights_to_safetensors.py"), std::string::npos) << message;
  }
}

// A mutated header is read as something consistent or refused as WeightsError, never anything else;
// the sanitizers of preset asan watch the memory.
TEST(SafetensorsHeader, SurvivesTenThousandMutations) {
  const std::string seed = "{\"__metadata__\":{\"k\":\"caf\u00e9\"}," +
                           entry("a.weight", "F32", "[2,3]", "[0,24]") + "," +
                           entry("b", "I64", "[]", "[24,32]") + "," +
                           entry("empty", "F16", "[0,7]", "[32,32]") + "}";
  const std::string alphabet = "{}[]\",:0123456789.-+eE\\u\x80\xff\x01 F";
  std::mt19937 random(1);
  int accepted = 0;
  for (int round = 0; round < 10'000; ++round) {
    std::string json = seed;
    for (uint32_t change = 0; change <= random() % 3; ++change) {
      const size_t at = random() % json.size();
      const char byte = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0:
          json[at] = byte;
          break;
        case 1:
          json.insert(at, 1, byte);
          break;
        case 2:
          json.erase(at, 1 + random() % 8);
          break;
        default:
          json.insert(at, json.substr(random() % json.size(), random() % 40));
          break;
      }
      if (json.empty()) json = "{";
    }
    try {
      const SafetensorsHeader header = parse_safetensors_header(json, 32, "file");
      int64_t bytes = 0;
      for (const SafetensorsEntry& e : header.entries) bytes += e.bytes;
      EXPECT_EQ(bytes, 32) << json;
      ++accepted;
    } catch (const WeightsError&) {
    }
  }
  EXPECT_GT(accepted, 100);  // the mutations do not all break it at once
}

}  // namespace
}  // namespace catamaran
