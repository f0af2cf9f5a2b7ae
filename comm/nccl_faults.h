// What an error of CUDA or NCCL is taken for, what to look at, and NCCL's own words. Part of
// comm/nccl_communicator.cpp; empty in a build without NCCL.
//
//   fault_of(ncclRemoteError)         // FaultClass::kRetryable: another rank has gone
//   fault_of(cudaErrorECCUncorrectable)        // FaultClass::kBadNode
//
// A node is taken for bad where its GPU, or the driver's hold of it, is: ECC, NVLink, a stack or a
// device that is not there any more, and what CUDA itself cannot name. "Unspecified launch failure"
// may be a kernel's mistake as well as the GPU's: a node that is left out wrongly costs less than a
// broken one that stays. Pure functions, but for words_of, which asks NCCL; thread-safe.
#pragma once

#ifdef CATAMARAN_WITH_NCCL

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <string>

#include "support/error.h"

namespace catamaran {

FaultClass fault_of(cudaError_t code);
FaultClass fault_of(ncclResult_t code);

std::string advice_for(ncclResult_t code);
// "unhandled system error (NCCL's last message)".
std::string words_of(ncclResult_t code);

}  // namespace catamaran

#endif
