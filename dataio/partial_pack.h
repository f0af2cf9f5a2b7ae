// PartialPack: the folder of a pack on its way, ".OUT.partial" beside OUT, which a run that was
// killed leaves behind and the next one goes on with.
//
//   PartialPack partial("packs/coco", fingerprint);     // takes the lock
//   if (auto kept = partial.finished(0, of_part)) ...   // from an earlier run, verified
//   write_shard(partial.folder() / shard_name(0));
//   partial.finish(0, of_part, shard);
//   partial.commit({"pack.json", "shard-00000.h5"});    // packs/coco is there, the rest gone
//
// A run that ends early says where its finished shards stay. In it: lock, plan.json (the
// fingerprint), pack/ (shards), done/ (a JSON file for each finished shard, written after the shard
// is durable). What another plan left is deleted, and that is said; a folder of that name that no
// packing made is refused. Destroyed without commit(), it stays where a shard is finished, and goes
// otherwise. Errors: UsageError where OUT exists or another process is at it; DataError. One thread
// at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataio/pack.h"
#include "support/file_descriptor.h"

namespace catamaran {

class PartialPack {
 public:
  PartialPack(const std::filesystem::path& out, const std::string& fingerprint);
  // Nothing stays of it but a pack that is whole.
  void forget_unless_committed() { forgets_ = true; }
  PartialPack(const PartialPack&) = delete;
  PartialPack& operator=(const PartialPack&) = delete;
  ~PartialPack();

  std::filesystem::path folder() const { return partial_ / "pack"; }
  // The shard of part `number` of the plan as an earlier run finished it, of the same fingerprint;
  // size and SHA-256 of its file are compared.
  // Those of other images or labels are packed again; that is said once.
  std::optional<ShardInfo> finished(int64_t number, const std::string& fingerprint);
  void finish(int64_t number, const std::string& fingerprint, const ShardInfo& shard);
  // files: what the pack consists of; whatever else an earlier run left goes.
  void commit(const std::set<std::string>& files);

 private:
  std::filesystem::path done_file(int64_t number) const;
  void take_lock();
  void remove_leftover_of_complete_pack();
  void remove_all() noexcept;
  void leave() noexcept;
  void adopt(const std::string& fingerprint);
  void remove_what_no_shard_is() const;

  std::filesystem::path out_;
  std::filesystem::path partial_;
  FileDescriptor lock_;
  bool forgets_ = false;
  bool told_of_others_ = false;
};

}  // namespace catamaran
