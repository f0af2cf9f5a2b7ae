// What an error says of what is to be done, and of which nodes.
#include "support/error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <type_traits>

namespace catamaran {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StrEq;

const std::vector<std::string> kHosts = {"node7", "node9"};

TEST(Error, IsOneSentence) {
  EXPECT_THAT(DataError("is too short", "shard 3", "copy it again").what(),
              StrEq("shard 3: is too short; copy it again"));
  EXPECT_THAT(Error(ErrorKind::kInternal, "is too short", "", "").what(), StrEq("is too short"));
}

TEST(ClassifiedError, IsOfItsKindAndNamesTheHostsOfABadNode) {
  const auto error =
      classified<CommError>("ECC error", "rank 3", "look at it", FaultClass::kBadNode, kHosts);
  static_assert(std::is_same_v<decltype(error), const CommError>);
  EXPECT_EQ(error.kind(), ErrorKind::kCommunication);
  EXPECT_EQ(error.fault(), FaultClass::kBadNode);
  EXPECT_THAT(error.bad_hosts(), ElementsAre("node7", "node9"));
  EXPECT_THAT(error.what(),
              StrEq("rank 3: ECC error; look at it (bad node: start again without node7,node9, "
                    "exclude_hosts of failure.json in the run directory)"));
}

TEST(ClassifiedError, NamesNoHostOfAnotherFault) {
  for (const FaultClass fault : {FaultClass::kUnknown, FaultClass::kRetryable, FaultClass::kBug}) {
    const auto error = classified<NumericsError>("differ", "step 3", "resume", fault, kHosts);
    EXPECT_EQ(error.kind(), ErrorKind::kNumerics);
    EXPECT_EQ(error.fault(), fault);
    EXPECT_THAT(error.bad_hosts(), IsEmpty());
    EXPECT_EQ(error.hint(), "resume" + words_of(fault, {}));
    EXPECT_THAT(CommError("a", "b", "c", fault, kHosts).bad_hosts(), IsEmpty()) << "nor so";
  }
}

TEST(ClassifiedError, StaysWhatItIsAsACopyOfItsBase) {
  const Error copy =
      classified<CommError>("ECC error", "rank 3", "look at it", FaultClass::kBadNode, {"node7"});
  EXPECT_EQ(copy.fault(), FaultClass::kBadNode);
  EXPECT_THAT(copy.bad_hosts(), ElementsAre("node7"));
}

}  // namespace
}  // namespace catamaran
