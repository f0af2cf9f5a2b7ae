#include "dataio/partial_pack.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_lock.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/log.h"
#include "support/normal_path.h"
#include "support/text.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr ErrorKind kKind = ErrorKind::kData;

void make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) {
    throw UsageError(with_errno("cannot create the folder", code.value()), folder.string(),
                     "check the path and its permissions");
  }
}

}  // namespace

PartialPack::PartialPack(const fs::path& out, const std::string& fingerprint)
    : out_(normal_path(out)),
      partial_(out_.parent_path() / ("." + out_.filename().string() + ".partial")) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(out_, code))) {
    remove_leftover_of_complete_pack();
    throw UsageError("the folder exists already", out_.string(),
                     "choose another name, or delete it first");
  }
  take_lock();
  if (fs::exists(fs::symlink_status(out_, code))) {  // another process was just ready
    remove_all();
    throw UsageError("the folder has appeared meanwhile", out_.string(), "it is a pack already");
  }
  try {
    adopt(fingerprint);
  } catch (...) {
    leave();
    throw;
  }
}

// Of a run that was killed after its pack had its name.
void PartialPack::remove_leftover_of_complete_pack() {
  std::error_code code;
  if (!fs::exists(partial_ / "plan.json", code) || fs::exists(folder(), code)) return;
  const FileDescriptor lock(::open((partial_ / "lock").c_str(), O_RDWR | O_CLOEXEC));
  if (lock && try_lock(lock, partial_ / "lock", ErrorKind::kUsage) == LockState::kTaken)
    remove_all();
}

void PartialPack::take_lock() {
  const fs::path path = partial_ / "lock";
  std::error_code code;
  if (fs::exists(partial_, code) && !fs::exists(path, code) && !fs::is_empty(partial_, code)) {
    throw UsageError("the folder is needed for packing and holds something else", partial_.string(),
                     "move it away, or choose another --out");
  }
  do {  // again where its holder has just committed and deleted it
    make_folder(partial_);
    lock_ = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kNewFile));
    if (!lock_ && errno == ENOENT) continue;
    if (!lock_) {
      throw UsageError(with_errno("cannot create the file", errno), path.string(),
                       "check the path and its permissions");
    }
    const LockState state = try_lock(lock_, path, ErrorKind::kUsage);
    if (state == LockState::kHeld) {
      lock_.reset();
      throw UsageError("another process is packing into it", out_.string(),
                       "wait for its end, or choose another --out");
    }
    if (state == LockState::kNoLocks) {
      log::warn(path.string() +
                ": the file system has no locks; make sure that no other process packs there");
    }
  } while (!lock_ || !is_still_at(lock_, path));
}

void PartialPack::adopt(const std::string& fingerprint) {
  const fs::path plan = partial_ / "plan.json";
  const fs::path done = done_file(0).parent_path();
  std::error_code code;
  if (fs::is_regular_file(plan, code)) {
    std::string found;
    try {
      found =
          json_field<std::string>(read_json_file(plan, kKind), "fingerprint", plan.string(), kKind);
    } catch (const DataError&) {
      found = "unreadable";
    }
    if (found != fingerprint) {
      log::warn(partial_.string() +
                ": a run that ended early was packing other images or with other options; its "
                "shards are deleted");
      fs::remove_all(done, code);
      fs::remove_all(folder(), code);
    }
  }
  make_folder(folder());
  make_folder(done);
  remove_stale_temporaries(partial_, TemporaryOwner::kNobody);
  remove_stale_temporaries(done, TemporaryOwner::kNobody);
  remove_what_no_shard_is();
  write_file_atomically(plan, json_text({{"fingerprint", fingerprint}}) + "\n");
}

// Everything in pack/ is a shard; halves and temporaries of a killed run are not.
void PartialPack::remove_what_no_shard_is() const {
  std::error_code code;
  std::vector<fs::path> others;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(), code)) {
    if (!is_numbered_name(entry.path().filename().string(), "shard-", 5, ".h5"))
      others.push_back(entry.path());
  }
  for (const fs::path& other : others) fs::remove_all(other, code);
}

// The lock goes last: a run that finds the folder half gone knows it by that.
void PartialPack::remove_all() noexcept {
  std::error_code code;
  fs::remove_all(folder(), code);
  fs::remove_all(done_file(0).parent_path(), code);
  fs::remove(partial_ / "plan.json", code);
  fs::remove(partial_ / "lock", code);
  fs::remove(partial_, code);
}

PartialPack::~PartialPack() { leave(); }

void PartialPack::leave() noexcept {
  if (!lock_) return;
  std::error_code code;
  const bool nothing = fs::is_empty(done_file(0).parent_path(), code);
  if ((nothing && !code) || forgets_) {
    remove_all();
  } else {
    try {
      log::info(partial_.string() +
                " keeps the finished shards: give the same command again to go on, or delete it");
    } catch (...) {  // the words are lost, the shards are not
    }
  }
  lock_.reset();
}

fs::path PartialPack::done_file(int64_t number) const {
  return partial_ / "done" / text("%05ld.json", number);
}

std::optional<ShardInfo> PartialPack::finished(int64_t number, const std::string& fingerprint) {
  const fs::path file = done_file(number);
  std::error_code code;
  if (!fs::is_regular_file(file, code)) return std::nullopt;
  try {
    const json root = read_json_file(file, kKind);
    if (json_field<std::string>(root, "fingerprint", file.string(), kKind) != fingerprint) {
      if (!std::exchange(told_of_others_, true))
        log::warn(partial_.string() +
                  ": shards that a run finished are of other images or labels and packed again");
      return std::nullopt;
    }
    const ShardInfo shard = shard_from_json(root, file.string());
    const fs::path path = folder() / shard.file;
    if (static_cast<int64_t>(fs::file_size(path, code)) != shard.bytes || code) return std::nullopt;
    if (sha256_of_file(path) != shard.sha256) return std::nullopt;
    return shard;
  } catch (const DataError&) {
    return std::nullopt;  // it is packed again
  }
}

void PartialPack::finish(int64_t number, const std::string& fingerprint, const ShardInfo& shard) {
  sync_directory(folder());
  json root = shard_json(shard);
  root["fingerprint"] = fingerprint;
  write_file_atomically(done_file(number), json_text(root) + "\n");
}

void PartialPack::commit(const std::set<std::string>& files) {
  std::error_code code;
  std::vector<fs::path> others;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder(), code)) {
    if (!files.contains(entry.path().filename().string())) others.push_back(entry.path());
  }
  for (const fs::path& other : others) fs::remove_all(other, code);
  sync_directory(folder());
  // rename() would replace an empty folder that has appeared meanwhile.
  if (fs::exists(fs::symlink_status(out_, code))) {
    throw UsageError("the folder has appeared meanwhile", out_.string(),
                     "move it away and give the same command again: the shards are kept");
  }
  if (::rename(folder().c_str(), out_.c_str()) != 0) {
    throw DataError(with_errno("cannot rename into place", errno), out_.string(),
                    "check the path and its permissions");
  }
  sync_directory(out_.parent_path());
  remove_all();
  lock_.reset();
}

}  // namespace catamaran
