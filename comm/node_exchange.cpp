#include "comm/node_exchange.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <utility>

#include "comm/rank_sums.h"
#include "support/assert.h"
#include "support/error.h"

namespace catamaran {
namespace {

constexpr uint64_t kInFlight = 64;  // operations that ranks may be apart
constexpr int64_t kBlockBytes = int64_t{64} << 10;
constexpr int64_t kStagingSlots = 4;
constexpr int64_t kStagingSlotBytes = NodeExchange::kStagingBytes / kStagingSlots;
constexpr size_t kCacheLine = 64;

static_assert(std::atomic<uint64_t>::is_always_lock_free, "processes share these");

int64_t block_count(int64_t bytes) { return (bytes + kBlockBytes - 1) / kBlockBytes; }

}  // namespace

// What a rank says of an operation; the same on all ranks.
struct NodeExchange::Request {
  int64_t region;
  int64_t offset;
  int64_t count;
  int32_t type;
  int32_t op;
  bool operator==(const Request&) const = default;
};

// What one rank tells the others. A request is written before `ready` passes it, and written over
// after all ranks' `finished` have.
struct NodeExchange::Line {
  alignas(kCacheLine) std::atomic<uint64_t> ready;     // operations announced
  alignas(kCacheLine) std::atomic<uint64_t> finished;  // operations seen complete
  alignas(kCacheLine) std::array<Request, kInFlight> requests;
};

// Of an operation; set to zero by rank 0 before it announces the operation.
struct NodeExchange::Work {
  alignas(kCacheLine) std::atomic<int64_t> claimed;  // blocks, and more when all are
  alignas(kCacheLine) std::atomic<int64_t> done;
};

int64_t NodeExchange::control_bytes(int world) {
  return static_cast<int64_t>(kInFlight * sizeof(Work) + static_cast<size_t>(world) * sizeof(Line));
}

NodeExchange::NodeExchange(std::string here, int rank, int world, void* control,
                           std::vector<char*> staging)
    : here_(std::move(here)),
      rank_(rank),
      world_(world),
      work_(static_cast<Work*>(control)),
      lines_(reinterpret_cast<Line*>(static_cast<char*>(control) + kInFlight * sizeof(Work))),
      staging_(std::make_shared<NodeRegion>(NodeRegion{std::move(staging), kStagingBytes})),
      block_(static_cast<size_t>(world)) {}

NodeExchange::Work& NodeExchange::work(uint64_t number) const { return work_[number % kInFlight]; }

std::shared_ptr<const NodeRegion> NodeExchange::add_region(NodeRegion region) {
  region.id = next_region_++;
  auto added = std::make_shared<const NodeRegion>(std::move(region));
  std::erase_if(regions_, [](const auto& known) { return known.expired(); });
  regions_.push_back(added);
  return added;
}

std::shared_ptr<const NodeRegion> NodeExchange::region_of(const char* data, int64_t bytes) {
  for (const std::weak_ptr<const NodeRegion>& known : regions_) {
    std::shared_ptr<const NodeRegion> region = known.lock();
    if (!region) continue;
    const auto begin = reinterpret_cast<uintptr_t>(region->parts[static_cast<size_t>(rank_)]);
    const auto at = reinterpret_cast<uintptr_t>(data);
    if (at >= begin &&
        at + static_cast<uintptr_t>(bytes) <= begin + static_cast<uintptr_t>(region->bytes))
      return region;
  }
  return nullptr;
}

void NodeExchange::start(void* data, int64_t count, DataType type, ReduceOp op) {
  Operation next;
  next.count = count;
  next.type = type;
  next.op = op;
  next.whole_bytes = count * bytes_of(type);
  next.start_seconds = steady_seconds();
  ring_.start("all-reduce", next.whole_bytes);
  auto* const at = static_cast<char*>(data);
  next.region = region_of(at, next.whole_bytes);
  if (next.region) {
    next.offset = at - next.region->parts[static_cast<size_t>(rank_)];
    operations_.push_back(std::move(next));
  } else {
    start_staged(next, at);
  }
  while (publish()) {
  }
}

void NodeExchange::start_staged(const Operation& whole, char* data) {
  const int64_t size = bytes_of(whole.type);
  const int64_t most = kStagingSlotBytes / size;
  int64_t begin = 0;
  do {  // one piece at least, so that an operation of no elements ends, too
    Operation piece = whole;
    piece.region = staging_;
    piece.count = std::min(most, whole.count - begin);
    piece.staged = data + begin * size;
    piece.staging_number = staged_++;
    piece.offset = static_cast<int64_t>(piece.staging_number % kStagingSlots) * kStagingSlotBytes;
    begin += piece.count;
    piece.last_piece = begin == whole.count;
    operations_.push_back(std::move(piece));
  } while (begin < whole.count);
}

bool NodeExchange::may_publish(const Operation& next) {
  if (next.staged != nullptr && next.staging_number >= staged_finished_ + kStagingSlots)
    return false;
  if (published_ < finished_everywhere_ + kInFlight) return true;
  uint64_t least = finished_;
  for (int r = 0; r < world_; ++r)
    least = std::min(least, lines_[r].finished.load(std::memory_order_acquire));
  finished_everywhere_ = least;
  return published_ < finished_everywhere_ + kInFlight;
}

// Tells the other ranks of the next operation, if there is one and there is room.
bool NodeExchange::publish() {
  if (published_ == finished_ + operations_.size()) return false;
  const Operation& next = operation(published_);
  if (!may_publish(next)) return false;
  if (next.staged != nullptr && next.count > 0) {
    std::memcpy(staging_->parts[static_cast<size_t>(rank_)] + next.offset, next.staged,
                static_cast<size_t>(next.count * bytes_of(next.type)));
  }
  Line& mine = lines_[rank_];
  mine.requests[published_ % kInFlight] = {next.region->id, next.offset, next.count,
                                           static_cast<int32_t>(next.type),
                                           static_cast<int32_t>(next.op)};
  if (rank_ == 0) {
    work(published_).claimed.store(0, std::memory_order_relaxed);
    work(published_).done.store(0, std::memory_order_relaxed);
  }
  mine.ready.store(++published_, std::memory_order_release);
  return true;
}

bool NodeExchange::all_ready(uint64_t number) {
  for (; ready_ranks_ < world_; ++ready_ranks_) {
    if (lines_[ready_ranks_].ready.load(std::memory_order_acquire) <= number) return false;
  }
  return true;
}

void NodeExchange::require_same_on_all_ranks(uint64_t number) {
  const Request& mine = lines_[rank_].requests[number % kInFlight];
  for (int r = 0; r < world_; ++r) {
    const Request& other = lines_[r].requests[number % kInFlight];
    if (other == mine) continue;
    const auto words = [](const Request& request) {
      return std::to_string(request.count) + " elements of type " + std::to_string(request.type) +
             " at byte " + std::to_string(request.offset) + " of memory " +
             std::to_string(request.region);
    };
    throw classified<CommError>(
        "the ranks have started different all-reduces: rank " + std::to_string(r) + " has " +
            words(other) + ", this one " + words(mine),
        here_ + ", " + oldest(),
        "check that all ranks run the same program with the same configuration", FaultClass::kBug);
  }
}

bool NodeExchange::work_on_one_block() {
  while (worked_ < published_) {
    if (!all_ready(worked_)) return false;
    if (!compared_) require_same_on_all_ranks(worked_);
    compared_ = true;
    const Operation& at = operation(worked_);
    const int64_t size = bytes_of(at.type);
    const int64_t bytes = at.count * size;
    const int64_t block = work(worked_).claimed.fetch_add(1, std::memory_order_relaxed);
    if (block >= block_count(bytes)) {
      ++worked_;
      ready_ranks_ = 0;
      compared_ = false;
      continue;
    }
    const int64_t begin = block * kBlockBytes;
    for (size_t r = 0; r < block_.size(); ++r) block_[r] = at.region->parts[r] + at.offset + begin;
    reduce_parts(block_, std::min(kBlockBytes, bytes - begin) / size, at.type, at.op);
    work(worked_).done.fetch_add(1, std::memory_order_acq_rel);
    return true;
  }
  return false;
}

bool NodeExchange::finish() {
  bool any = false;
  while (finished_ < worked_) {
    const Operation& first = operations_.front();
    const int64_t bytes = first.count * bytes_of(first.type);
    if (work(finished_).done.load(std::memory_order_acquire) < block_count(bytes)) break;
    if (first.staged != nullptr) {
      if (bytes > 0) {
        std::memcpy(first.staged, staging_->parts[static_cast<size_t>(rank_)] + first.offset,
                    static_cast<size_t>(bytes));
      }
      ++staged_finished_;
    }
    if (first.last_piece) {
      ring_.finish();
      finished_operations_.add({first.whole_bytes, first.start_seconds, steady_seconds()});
    }
    operations_.pop_front();
    lines_[rank_].finished.store(++finished_, std::memory_order_release);
    any = true;
  }
  return any;
}

bool NodeExchange::progress() {
  if (operations_.empty()) return false;
  bool any = publish();
  any = work_on_one_block() || any;
  return finish() || any;
}

}  // namespace catamaran
