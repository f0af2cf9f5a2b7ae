#include "comm/nccl_faults.h"

#ifdef CATAMARAN_WITH_NCCL

#include <algorithm>

#include "comm/nccl_memory.h"

namespace catamaran {

FaultClass fault_of(cudaError_t code) {
  switch (code) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorHardwareStackError:
    case cudaErrorDevicesUnavailable:
    case cudaErrorSystemNotReady:
    case cudaErrorExternalDevice:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorUnknown:
      return FaultClass::kBadNode;
    case cudaErrorInvalidValue:
    case cudaErrorInvalidResourceHandle:
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
      return FaultClass::kBug;
    default:  // as memory that runs out: neither another node nor a report helps
      return FaultClass::kUnknown;
  }
}

FaultClass fault_of(ncclResult_t code) {
  switch (code) {
    case ncclUnhandledCudaError:  // any call of CUDA within NCCL, also for memory that ran out
      return FaultClass::kUnknown;
    case ncclSystemError:
    case ncclRemoteError:
      return FaultClass::kRetryable;
    case ncclInternalError:
    case ncclInvalidArgument:
    case ncclInvalidUsage:
      return FaultClass::kBug;
    default:
      return FaultClass::kUnknown;
  }
}

std::string advice_for(ncclResult_t code) {
  switch (code) {
    case ncclUnhandledCudaError:
      return kAdviceForGpu;
    case ncclSystemError:
      return "check that NCCL_SOCKET_IFNAME names the interface of the cluster's network, and the "
             "space in /dev/shm; NCCL_DEBUG=WARN gives NCCL's own words";
    case ncclRemoteError:
      return "look for the first message of another rank; resume from the newest checkpoint";
    case ncclInvalidUsage:
      return "check that all ranks run the same program with the same NCCL; NCCL_DEBUG=WARN gives "
             "NCCL's own words";
    default:
      return "set NCCL_DEBUG=WARN for NCCL's own words; resume from the newest checkpoint";
  }
}

std::string words_of(ncclResult_t code) {
  std::string more = ncclGetLastError(nullptr);  // of this process; the argument is unused
  std::ranges::replace(more, '\n', ' ');
  return ncclGetErrorString(code) + (more.empty() ? "" : " (" + more + ")");
}

}  // namespace catamaran

#endif
