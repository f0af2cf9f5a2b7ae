#include "comm/node_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "support/error.h"
#include "support/file_descriptor.h"

namespace catamaran {
namespace {

constexpr int64_t kPage = 4096;

// By rank; unmapped together.
class Mappings {
 public:
  explicit Mappings(int64_t bytes) : bytes_(static_cast<size_t>(bytes)) {}
  Mappings(const Mappings&) = delete;
  Mappings& operator=(const Mappings&) = delete;
  ~Mappings() {
    for (char* const part : parts_) ::munmap(part, bytes_);
  }

  // False with errno where it cannot.
  bool add(int file) {
    void* const part = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (part == MAP_FAILED) return false;
    parts_.push_back(static_cast<char*>(part));
    return true;
  }
  const std::vector<char*>& parts() const { return parts_; }
  // Where the system knows how: no page fault later, in the middle of a sum.
  void populate(int64_t rank) {
#ifdef MADV_POPULATE_WRITE
    ::madvise(parts_[static_cast<size_t>(rank)], bytes_, MADV_POPULATE_WRITE);
#else
    (void)rank;
#endif
  }

 private:
  size_t bytes_;
  std::vector<char*> parts_;
};

// What a rank tells the others of its memory, and what it needs to know of theirs.
struct Announcement {
  uint64_t process = 0;
  uint64_t file = 0;  // descriptor
  uint64_t inode = 0;
  uint64_t bytes = 0;
};
constexpr size_t kNumbers = sizeof(Announcement) / sizeof(uint64_t);

std::vector<Announcement> gather(Communicator& host, const Announcement& mine) {
  std::vector<Announcement> all(static_cast<size_t>(host.world()));
  all[static_cast<size_t>(host.rank())] = mine;
  host.all_reduce(all.data(), static_cast<int64_t>(all.size() * kNumbers), DataType::kUint64,
                  ReduceOp::kMax);
  return all;
}

// Throws on every rank where one has a problem.
void require_nobody_failed(Communicator& host, const std::string& host_name, int64_t bytes,
                           const std::string& problem) {
  int64_t failed = problem.empty() ? -1 : host.rank();
  host.all_reduce(&failed, 1, DataType::kInt64, ReduceOp::kMax);
  if (failed < 0) return;
  const std::string reason =
      problem.empty() ? "rank " + std::to_string(failed) + " could not" : problem;
  throw NodeMemoryUnavailable(
      "the ranks cannot share " + std::to_string(bytes) + " bytes each: " + reason,
      "rank " + std::to_string(host.rank()) + " on " + host_name,
      "give the job more memory, start all ranks in one container, or use comm.backend = \"mpi\"");
}

std::string open_own(int64_t bytes, FileDescriptor& file) {
  file = FileDescriptor(::memfd_create("catamaran-exchange", MFD_CLOEXEC));
  if (!file) return with_errno("memfd_create failed", errno);
  // Pages too: memory that is not there is said here, not by a SIGBUS in the middle of a sum.
  const int code = ::posix_fallocate(file.get(), 0, bytes);
  return code == 0 ? "" : with_errno("posix_fallocate failed", code);
}

// Maps the memory of all ranks, in their order; what went wrong, or "".
std::string map_all(const std::vector<Announcement>& ranks, int64_t bytes, Mappings& mappings) {
  for (const Announcement& rank : ranks) {
    const std::string path =
        "/proc/" + std::to_string(rank.process) + "/fd/" + std::to_string(rank.file);
    if (rank.bytes != static_cast<uint64_t>(bytes))
      return "another rank asks for " + std::to_string(rank.bytes) + " bytes";
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!file) return with_errno("could not open '" + path + "'", errno);
    struct stat state {};
    if (::fstat(file.get(), &state) != 0 || state.st_ino != rank.inode)
      return "'" + path + "' is of another process: the ranks do not see each other's numbers";
    if (!mappings.add(file.get())) return with_errno("mmap failed", errno);
  }
  return "";
}

}  // namespace

NodeRegion map_node_memory(Communicator& host, const std::string& host_name, int64_t bytes) {
  const int64_t whole = std::max<int64_t>(1, (bytes + kPage - 1) / kPage) * kPage;
  FileDescriptor own;
  std::string problem = open_own(whole, own);
  Announcement mine{.process = static_cast<uint64_t>(::getpid()),
                    .file = static_cast<uint64_t>(std::max(own.get(), 0)),
                    .inode = 0,
                    .bytes = static_cast<uint64_t>(whole)};
  struct stat state {};
  if (problem.empty() && ::fstat(own.get(), &state) == 0) mine.inode = state.st_ino;
  const std::vector<Announcement> ranks = gather(host, mine);
  require_nobody_failed(host, host_name, bytes, problem);
  auto mappings = std::make_shared<Mappings>(whole);
  problem = map_all(ranks, whole, *mappings);
  require_nobody_failed(host, host_name, bytes, problem);
  // Its own first: pages belong to the NUMA node of who touches them first.
  mappings->populate(host.rank());
  int64_t nothing = 0;
  host.all_reduce(&nothing, 1, DataType::kInt64, ReduceOp::kSum);
  for (int r = 0; r < host.world(); ++r) mappings->populate(r);
  return {.parts = mappings->parts(), .bytes = bytes, .owner = mappings, .id = 0};
}

}  // namespace catamaran
