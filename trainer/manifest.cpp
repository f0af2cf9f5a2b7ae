#include "trainer/manifest.h"

#include <algorithm>
#include <filesystem>

#include "model/weights.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/hash.h"
#include "support/json.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

using nlohmann::json;

// source: where a pack was copied from; empty: it is read where it is.
json pack_json(const PackReader& pack, const std::string& source) {
  const std::string folder = pack.folder().string();
  return {{"folder", source.empty() ? folder : source},
          {"staged", source.empty() ? "" : folder},
          {"fingerprint", pack.fingerprint()},
          {"images", pack.images()},
          {"data_set", pack.manifest().data_set},
          {"split", pack.manifest().split},
          {"pack_json_sha256", sha256_of_file(pack.folder() / "pack.json")}};
}

// The file that a run starts from, and, where it was imported, what from.
json weights_json(const std::string& given) {
  std::error_code code;
  if (given.empty() || !std::filesystem::exists(given, code)) return given;  // gone since
  const std::filesystem::path file = weights_file_of(given, "auto");
  json described = {{"file", file.string()}, {"sha256", sha256_of_file(file)}};
  const SafetensorsHeader header = list_safetensors(file);
  if (const auto source = header.metadata.find(kSourceKey); source != header.metadata.end())
    described["source"] = parse_json(source->second, file.string(), ErrorKind::kWeights);
  return described;
}

std::string run_name(const TrainRequest& request) {
  if (!request.options.name.empty()) return request.options.name;
  const std::filesystem::path dir = std::filesystem::weakly_canonical(request.run_dir);
  return dir.filename().string();
}

}  // namespace

RunInfo run_info(const TrainRequest& request, const RunPacks& packs, const ProcessGroup& group) {
  const LibraryVersions libraries = library_versions();
  RunInfo info;
  info.version = request.version;
  info.git = request.git;
  info.torch = libraries.torch;
  info.nccl = libraries.nccl;
  info.mpi = libraries.mpi;
  info.run = run_name(request);
  info.config_hash = sha256(request.resolved_config).substr(0, 12);
  info.dataset = packs.train->manifest().data_set;
  info.model = "CAT-" + request.options.model.backbone.name;
  info.world_size = group.world();
  info.global_batch = request.options.batch.global;
  return info;
}

void write_manifest(const TrainRequest& request, const RunPacks& packs, ProcessGroup& group,
                    int64_t first_step, const std::vector<SettingChange>& changes) {
  std::vector<std::string> hosts = group.all_gather(group.host_name());
  if (!group.is_root()) return;
  const std::filesystem::path path = request.run_dir / "manifest.json";
  const LibraryVersions libraries = library_versions();
  json manifest = {{"run", run_name(request)}, {"lives", json::array()}};
  std::error_code code;
  if (first_step > 0 && std::filesystem::exists(path, code)) {
    manifest["lives"] = read_json_file(path, ErrorKind::kUsage).value("lives", json::array());
  }
  json changed = json::object();
  for (const SettingChange& change : changes)
    changed[change.key] = {{"was", change.was}, {"is", change.is}};
  json life = {{"started_unix_seconds", unix_seconds()},
               {"first_step", first_step},
               {"version", request.version},
               {"git", request.git},
               {"libraries",
                {{"torch", libraries.torch},
                 {"nccl", libraries.nccl},
                 {"cuda", libraries.cuda},
                 {"mpi", libraries.mpi}}},
               {"hosts", hosts},
               {"world", group.world()},
               {"threads_per_rank", group.threads()},
               {"learning_rate", request.options.learning_rate()},
               {"precision", request.options.precision.compute},
               {"backend", std::string(group.gradients().backend())},
               {"config_sha256", sha256(request.resolved_config)},
               {"overrides", request.overrides},
               {"changed_at_resume", changed},
               {"train_pack", pack_json(*packs.train, packs.train_source)},
               {"eval_pack", packs.eval ? pack_json(*packs.eval, packs.eval_source) : json()},
               {"weights",
                {{"backbone", weights_json(request.options.weights.backbone)},
                 {"init", weights_json(request.options.weights.init)},
                 {"allow_partial", request.options.weights.allow_partial}}},
               {"allow_overlap", request.options.data.allow_overlap}};
  manifest["lives"].push_back(life);
  write_file_atomically(path, manifest.dump(2) + "\n", ErrorKind::kUsage);
}

}  // namespace catamaran
