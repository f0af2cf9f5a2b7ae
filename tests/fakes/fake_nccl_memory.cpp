// Memory of NCCL and its registrations, of tests/fakes/fake_gpu.h.
#include <nccl.h>

#include <cstddef>
#include <map>
#include <memory>

#include "fake_gpu.h"
#include "fake_gpu_parts.h"

namespace catamaran::fake_gpu {
namespace {

std::map<void*, std::unique_ptr<std::byte[]>>& memory() {
  static auto& one = *new std::map<void*, std::unique_ptr<std::byte[]>>();
  return one;
}

// By registered memory, which also is the handle.
std::map<void*, ncclComm_t>& registrations() {
  static auto& one = *new std::map<void*, ncclComm_t>();
  return one;
}

}  // namespace

void forget_registration(void* data) {
  const std::lock_guard lock(gpu_mutex());
  registrations().erase(data);
}

int64_t open_nccl_memory() {
  return static_cast<int64_t>(memory().size() + registrations().size());
}

}  // namespace catamaran::fake_gpu

using namespace catamaran::fake_gpu;

extern "C" {

ncclResult_t ncclMemAlloc(void** data, size_t size) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclMemAlloc"); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  auto made = std::make_unique<std::byte[]>(size);
  *data = made.get();
  memory()[*data] = std::move(made);
  return ncclSuccess;
}

ncclResult_t ncclMemFree(void* data) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclMemFree"); code != 0) return static_cast<ncclResult_t>(code);
  if (registrations().contains(data)) return fail(ncclInvalidUsage, "still registered");
  return memory().erase(data) == 1 ? ncclSuccess : fail(ncclInvalidArgument, "not NCCL's");
}

ncclResult_t ncclCommRegister(ncclComm_t comm, void* data, size_t, void** handle) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclCommRegister"); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  if (!is_communicator(comm) || !memory().contains(data))
    return fail(ncclInvalidArgument, "no such communicator or memory");
  registrations()[data] = comm;
  *handle = data;
  return ncclSuccess;
}

ncclResult_t ncclCommDeregister(ncclComm_t comm, void* handle) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclCommDeregister"); code != 0)
    return static_cast<ncclResult_t>(code);
  const auto found = registrations().find(handle);
  if (found == registrations().end() || found->second != comm)
    return fail(ncclInvalidArgument, "not registered with this communicator");
  registrations().erase(found);
  return ncclSuccess;
}
}
