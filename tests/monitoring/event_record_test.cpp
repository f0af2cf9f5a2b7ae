#include "monitoring/event_record.h"

#include <gtest/gtest.h>

#include <cmath>

namespace catamaran {
namespace {

std::string hex(const std::string& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// Values of these tests were made with the protocol buffers and the reader of the package
// tensorboard 2.21.0.
TEST(EventRecord, MasksTheChecksumAsReadersExpect) {
  EXPECT_EQ(masked_crc32c(""), 0xa282ead8u);
  EXPECT_EQ(masked_crc32c("foo"), 0xfebe8a61u);
  EXPECT_EQ(masked_crc32c("123456789"), 0xc78ab0e5u);
}

TEST(EventRecord, BeginsAFileWithItsVersion) {
  EXPECT_EQ(hex(event_record(file_version_event(1.5))),
            "1800000000000000a37f4b22"
            "09000000000000f83f1a0d627261696e2e4576656e743a32"
            "8a28646c");
}

TEST(EventRecord, TellsAStartOfTheRun) {
  EXPECT_EQ(hex(event_record(session_start_event(1.5, 301))),
            "100000000000000095fbfe18"
            "09000000000000f83f10ad023a020801"
            "d17949d4");
}

TEST(EventRecord, HoldsSeveralScalarsOfAStepAndThePluginOfTheFirst) {
  const std::string event = scalars_event(
      1.5, 300,
      {{.tag = "train/loss", .value = 0.5, .is_first = true}, {.tag = "x", .value = INFINITY}});
  EXPECT_EQ(hex(event_record(event)),
            "3800000000000000a3797d57"
            "09000000000000f83f10ac022a2a"
            "0a1e0a0a747261696e2f6c6f7373150000003f4a0b0a090a077363616c617273"
            "0a080a0178150000807f"
            "582f4925");
}

}  // namespace
}  // namespace catamaran
