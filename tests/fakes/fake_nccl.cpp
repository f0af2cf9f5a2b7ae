// Communicators and collectives of tests/fakes/fake_gpu.h.
#include <nccl.h>

#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "comm/half_floats.h"
#include "fake_gpu.h"
#include "fake_gpu_parts.h"

namespace fs = std::filesystem;

struct ncclComm {
  fs::path folder;  // where the ranks leave each other files
  int rank = 0;
  int world = 1;
  int device = 0;
  bool joined = false;
  bool aborted = false;
  ncclResult_t error = ncclSuccess;
  int polls_in_progress = 0;
  int64_t started = 0;
};

namespace catamaran::fake_gpu {
namespace {

constexpr int kPollsInProgress = 3;

// The folders of this process's ids, gone with it.
struct Folders {
  std::vector<fs::path> made;
  ~Folders() {
    std::error_code ignored;
    for (const fs::path& folder : made) fs::remove_all(folder, ignored);
  }
};

struct Nccl {
  std::map<ncclComm_t, std::shared_ptr<ncclComm>> comms;
  std::vector<Collective> collectives;
  std::string last_error;
  std::condition_variable_any unblocked;
};

Nccl& nccl() {
  static Nccl& one = *new Nccl();
  return one;
}

// A file per rank that appears whole.
void leave(const ncclComm& comm, const std::string& name, const std::string& bytes) {
  const fs::path path = comm.folder / (name + "." + std::to_string(comm.rank));
  std::ofstream(path.string() + ".part", std::ios::binary) << bytes;
  fs::rename(path.string() + ".part", path);
}

// By rank, once every rank has left its own.
std::optional<std::vector<std::string>> all_of(const ncclComm& comm, const std::string& name) {
  std::vector<std::string> all;
  for (int rank = 0; rank < comm.world; ++rank) {
    std::ifstream in(comm.folder / (name + "." + std::to_string(rank)), std::ios::binary);
    if (!in) return std::nullopt;
    all.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return all;
}

void try_to_join(ncclComm& comm) {
  if (faults().init_hangs) return;
  if (faults().init_error != 0) {
    comm.error = fail(static_cast<ncclResult_t>(faults().init_error), "made to fail");
    return;
  }
  const auto bus_ids = all_of(comm, "joined");
  if (!bus_ids) return;
  comm.joined = true;
  if (std::set<std::string>(bus_ids->begin(), bus_ids->end()).size() < bus_ids->size())
    comm.error = fail(ncclInvalidUsage, "Duplicate GPU detected");
}

struct Header {  // what must be the same on all ranks
  char function[16] = {};
  int64_t count = 0;
  int64_t type = 0;
  int64_t op_or_root = 0;
};

int64_t size_of(ncclDataType_t type) {
  switch (type) {
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclFloat32:
      return 4;
    case ncclFloat64:
    case ncclInt64:
    case ncclUint64:
      return 8;
    default:
      return 0;  // none that comm/ has
  }
}

template <typename Half>
void reduce_halves(uint16_t* into, const std::vector<std::string>& parts, int64_t count, int op) {
  const auto value = [&](size_t rank, int64_t i) {
    uint16_t bits = 0;
    std::memcpy(&bits, parts[rank].data() + sizeof(Header) + static_cast<size_t>(i) * sizeof bits,
                sizeof bits);
    return Half::to_float(bits);
  };
  for (int64_t i = 0; i < count; ++i) {
    float result = value(0, i);
    for (size_t rank = 1; rank < parts.size(); ++rank) {
      const float other = value(rank, i);
      result = op == ncclSum   ? result + other
               : op == ncclMin ? std::min(result, other)
                               : std::max(result, other);
    }
    into[i] = Half::from_float(result);
  }
}

template <typename Number>
void reduce_into(Number* into, const std::vector<std::string>& parts, int64_t count, int op) {
  std::vector<Number> part(static_cast<size_t>(count));
  for (size_t rank = 0; rank < parts.size(); ++rank) {
    std::memcpy(part.data(), parts[rank].data() + sizeof(Header), part.size() * sizeof(Number));
    for (size_t i = 0; i < part.size(); ++i) {
      if (rank == 0) {
        into[i] = part[i];
      } else if (op == ncclSum) {
        into[i] = static_cast<Number>(into[i] + part[i]);
      } else {
        into[i] = op == ncclMin ? std::min(into[i], part[i]) : std::max(into[i], part[i]);
      }
    }
  }
}

void finish(void* into, const Header& header, const std::vector<std::string>& parts) {
  if (std::string(header.function) == "ncclBroadcast") {
    const std::string& from = parts[static_cast<size_t>(header.op_or_root)];
    std::memcpy(into, from.data() + sizeof(Header), from.size() - sizeof(Header));
    return;
  }
  const int op = static_cast<int>(header.op_or_root);
  switch (header.type) {
    case ncclFloat32:
      return reduce_into(static_cast<float*>(into), parts, header.count, op);
    case ncclBfloat16:
      return reduce_halves<BFloat16>(static_cast<uint16_t*>(into), parts, header.count, op);
    case ncclFloat16:
      return reduce_halves<Float16>(static_cast<uint16_t*>(into), parts, header.count, op);
    case ncclFloat64:
      return reduce_into(static_cast<double*>(into), parts, header.count, op);
    case ncclInt64:
      return reduce_into(static_cast<int64_t*>(into), parts, header.count, op);
    case ncclUint64:
      return reduce_into(static_cast<uint64_t*>(into), parts, header.count, op);
    default:
      return reduce_into(static_cast<uint8_t*>(into), parts, header.count, op);
  }
}

// The collective as work of a stream: reads its data when it is this work's turn, not before.
class Running {
 public:
  Running(std::shared_ptr<ncclComm> comm, void* data, const Header& header)
      : comm_(std::move(comm)), number_(comm_->started++), data_(data), header_(header) {}

  bool operator()() {
    if (comm_->aborted) return true;
    if (faults().broken_collective >= 0 && number_ >= faults().broken_collective)
      comm_->error = fail(static_cast<ncclResult_t>(faults().broken_by), "made to break");
    if (comm_->error != ncclSuccess) return false;
    if (faults().hung_collective >= 0 && number_ >= faults().hung_collective) return false;
    const std::string name = std::to_string(number_);
    if (!std::exchange(left_, true)) {
      std::string bytes(reinterpret_cast<const char*>(&header_), sizeof header_);
      bytes.append(static_cast<const char*>(data_),
                   static_cast<size_t>(header_.count * size_of(type())));
      leave(*comm_, name, bytes);
    }
    const auto parts = all_of(*comm_, name);
    if (!parts) return false;
    for (const std::string& part : *parts) {
      if (std::memcmp(part.data(), &header_, sizeof header_) == 0) continue;
      comm_->error = fail(ncclInvalidUsage, "the ranks have started different collectives");
      return false;
    }
    finish(data_, header_, *parts);
    // Whoever has left this one has read the one before.
    fs::remove(comm_->folder / (std::to_string(number_ - 1) + "." + std::to_string(comm_->rank)));
    return true;
  }

 private:
  ncclDataType_t type() const { return static_cast<ncclDataType_t>(header_.type); }

  std::shared_ptr<ncclComm> comm_;
  int64_t number_;
  void* data_;
  Header header_;
  bool left_ = false;
};

ncclResult_t start(const char* function, void* data, size_t count, ncclDataType_t type,
                   int op_or_root, ncclComm_t handle, cudaStream_t stream_handle) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter(function); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  const auto found = nccl().comms.find(handle);
  const auto stream = stream_of(stream_handle);
  if (found == nccl().comms.end() || !stream || size_of(type) == 0)
    return fail(ncclInvalidArgument, "no such communicator, stream or type");
  ncclComm& comm = *found->second;
  if (!comm.joined || comm.polls_in_progress > 0)
    return fail(ncclInvalidUsage, "the communicator is in progress");
  if (stream->device != comm.device) return fail(ncclInvalidUsage, "a stream of another GPU");
  Header header;
  std::strncpy(header.function, function, sizeof header.function - 1);
  header.count = static_cast<int64_t>(count);
  header.type = type;
  header.op_or_root = op_or_root;
  nccl().collectives.push_back(
      {function, header.count, type, op_or_root, stream->priority, stream->waits_for_default});
  stream->queue.emplace_back(Running(found->second, data, header));
  comm.polls_in_progress = kPollsInProgress;
  return ncclInProgress;
}

}  // namespace

std::vector<Collective> collectives() {
  const std::lock_guard lock(gpu_mutex());
  return nccl().collectives;
}

int64_t open_communicators() { return static_cast<int64_t>(nccl().comms.size()); }

ncclResult_t fail(ncclResult_t code, const std::string& words) {
  nccl().last_error = words;
  return code;
}

bool is_communicator(ncclComm_t comm) { return nccl().comms.contains(comm); }

void reset_nccl() {
  nccl().collectives.clear();
  nccl().last_error.clear();
  nccl().unblocked.notify_all();
}

}  // namespace catamaran::fake_gpu

using namespace catamaran::fake_gpu;

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  if (const int code = enter("ncclGetVersion"); code != 0) return static_cast<ncclResult_t>(code);
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclGetUniqueId"); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  static Folders folders;
  std::string name = (fs::temp_directory_path() / "fake-nccl-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr || name.size() >= sizeof id->internal)
    return fail(ncclSystemError, "no folder for the ranks' files");
  folders.made.emplace_back(name);
  *id = {};
  std::memcpy(id->internal, name.data(), name.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* handle, int world, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclCommInitRankConfig"); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  if (config->magic != NCCL_API_MAGIC || config->blocking != 0)
    return fail(ncclInvalidArgument, "only for communicators that do not block");
  if (!fs::is_directory(id.internal)) return fail(ncclInvalidArgument, "not an id of rank 0's");
  auto comm = std::make_shared<ncclComm>();
  comm->folder = id.internal;
  comm->rank = rank;
  comm->world = world;
  comm->device = device_of_this_thread();
  if (!faults().init_hangs && faults().init_error == 0)
    leave(*comm, "joined", pci_bus_id(comm->device));
  *handle = comm.get();
  nccl().comms[*handle] = std::move(comm);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t handle, ncclResult_t* state) {
  const std::lock_guard lock(gpu_mutex());
  if (const int code = enter("ncclCommGetAsyncError"); code != 0)
    return fail(static_cast<ncclResult_t>(code), "made to fail");
  const auto found = nccl().comms.find(handle);
  if (found == nccl().comms.end()) return fail(ncclInvalidArgument, "no such communicator");
  ncclComm& comm = *found->second;
  if (!comm.joined && comm.error == ncclSuccess) try_to_join(comm);
  *state = comm.error;
  if (comm.error == ncclSuccess && (!comm.joined || comm.polls_in_progress > 0)) {
    *state = ncclInProgress;
    if (comm.joined) --comm.polls_in_progress;
  }
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t handle) {
  std::unique_lock lock(gpu_mutex());
  if (const int code = enter("ncclCommAbort"); code != 0) return static_cast<ncclResult_t>(code);
  const auto found = nccl().comms.find(handle);
  if (found == nccl().comms.end()) return fail(ncclInvalidArgument, "no such communicator");
  nccl().unblocked.wait(lock, [] { return !faults().abort_blocks; });
  found->second->aborted = true;
  nccl().comms.erase(found);
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* into, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  if (from != into) return fail(ncclInvalidArgument, "comm/ reduces in place");
  return start("ncclAllReduce", into, count, type, op, comm, stream);
}

ncclResult_t ncclBroadcast(const void* from, void* into, size_t count, ncclDataType_t type,
                           int root, ncclComm_t comm, cudaStream_t stream) {
  if (from != into) return fail(ncclInvalidArgument, "comm/ sends in place");
  return start("ncclBroadcast", into, count, type, root, comm, stream);
}

const char* ncclGetErrorString(ncclResult_t code) {
  switch (code) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error";
    case ncclSystemError:
      return "unhandled system error";
    case ncclInternalError:
      return "internal error";
    case ncclInvalidUsage:
      return "invalid usage";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    default:
      return "invalid argument";
  }
}

const char* ncclGetLastError(ncclComm_t) {
  const std::lock_guard lock(gpu_mutex());
  static thread_local std::string words;
  words = nccl().last_error;
  return words.c_str();
}
}
