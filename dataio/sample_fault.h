// SampleFault: what is wrong with an image that cannot be used, for whoever counts them by reason,
// and the error that says it.
//
//   throw SampleError("the file is empty", "image 000012", advice, SampleFault::kTruncated);
//   faults[static_cast<size_t>(fault_of(problem))] += 1;
//
// Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

#include "support/error.h"

namespace catamaran {

enum class SampleFault {
  kChecksum,   // its stored bytes are not those that were packed
  kTruncated,  // it ends too early
  kFormat,     // no JPEG, of a kind that is no picture, or its data make no sense
  kSize,       // more pixels than are read, or others than the pack says
  kRead,       // its bytes could not be read
};
constexpr size_t kSampleFaults = 5;
// Images, by fault.
using FaultCounts = std::array<int64_t, kSampleFaults>;

class SampleError : public DataError {
 public:
  SampleError(const std::string& what, std::string where, std::string hint, SampleFault fault)
      : DataError(what, std::move(where), std::move(hint)), fault_(fault) {}

  SampleFault fault() const { return fault_; }

 private:
  SampleFault fault_;
};

// Of an error of making a sample: any that is no SampleError came from reading it.
inline SampleFault fault_of(const DataError& problem) {
  const auto* const known = dynamic_cast<const SampleError*>(&problem);
  return known != nullptr ? known->fault() : SampleFault::kRead;
}

}  // namespace catamaran
