#include "trainer/manifest.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "model/weights.h"
#include "support/atomic_file.h"
#include "support/clock.h"
#include "support/environment.h"
#include "support/error.h"
#include "support/file_end.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/text.h"
#include "support/user_name.h"
#include "trainer/checkpoint.h"
#include "trainer/crash_loop.h"

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

// What an earlier start left of its failure; null without it.
json failure_of(const std::filesystem::path& run_dir) {
  try {
    return read_json_file(run_dir / "failure.json", ErrorKind::kInternal);
  } catch (const Error&) {
    return {};
  }
}

// Of earlier starts of the run.
json lives_of(const TrainRequest& request, int64_t first_step) {
  const std::filesystem::path path = request.run_dir / "manifest.json";
  const bool goes_on = first_step > 0 || request.resume == "auto";
  std::error_code code;
  if (!goes_on || !std::filesystem::exists(path, code)) return json::array();
  json lives;
  try {
    const json manifest = read_json_file(path, ErrorKind::kUsage);
    if (manifest.is_object()) lives = manifest.value("lives", json::array());
  } catch (const Error&) {
    if (first_step > 0) throw;  // before the first checkpoint nothing is lost with it
  }
  return lives.is_array() ? lives : json::array();
}

// Of a life that was cut short, so that its time is known: this start has logged no step yet.
void note_last_sign(json& lives, const std::filesystem::path& run_dir) {
  const double seen = changed_unix_seconds(run_dir / "metrics.jsonl");
  if (lives.empty() || !lives.back().is_object() || lives.back().contains("ended")) return;
  json& life = lives.back();
  if (seen > json_value_or<double>(life, "started_unix_seconds", 0))
    life["last_seen_unix_seconds"] = seen;
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
  info.queue_capacity_batches = request.options.data.prefetch_batches;
  const bool heads_count =
      request.options.loss.auxiliary_weight > 0 && request.options.model.fpn.enabled;
  info.heads_with_loss = heads_count ? 3 : 0;
  info.started_unix_seconds = request.started_unix_seconds;
  if (request.deadline)
    info.deadline_unix_seconds =
        unix_seconds() + request.deadline->steady_seconds - steady_seconds();
  return info;
}

EarlierStarts read_earlier_starts(const TrainRequest& request, int64_t first_step) {
  EarlierStarts earlier;
  if (request.run_dir.empty()) return earlier;
  const json failure = failure_of(request.run_dir);
  earlier.lives = lives_of(request, first_step);
  earlier.failure = failure_before(earlier.lives, failure);
  note_failure(earlier.lives, failure);
  note_last_sign(earlier.lives, request.run_dir);
  return earlier;
}

void write_manifest(const TrainRequest& request, const RunPacks& packs, ProcessGroup& group,
                    const EarlierStarts& earlier, const NewLife& start) {
  std::vector<std::string> hosts = group.all_gather(group.host_name());
  const std::vector<std::string> cpus = group.all_gather(group.cores().cpus);
  if (!group.is_root()) return;
  const std::filesystem::path path = request.run_dir / "manifest.json";
  const LibraryVersions libraries = library_versions();
  json manifest = {{"run", run_name(request)}, {"lives", earlier.lives}};
  json changed = json::object();
  for (const SettingChange& change : start.changes)
    changed[change.key] = {{"was", change.was}, {"is", change.is}};
  json life = {{"id", start.id},
               {"started_unix_seconds", unix_seconds()},
               {"first_step", start.first_step},
               {"version", request.version},
               {"git", request.git},
               {"libraries",
                {{"torch", libraries.torch},
                 {"nccl", libraries.nccl},
                 {"cuda", libraries.cuda},
                 {"mpi", libraries.mpi}}},
               {"hosts", hosts},
               {"user", printable(user_name())},
               {"process", ::getpid()},
               {"job_id", slurm_job_id()},
               {"environment", recorded_environment()},
               {"world", group.world()},
               {"global_batch", request.options.batch.global},
               {"steps_per_epoch", start.steps_per_epoch},
               {"total_steps", start.total_steps},
               {"threads_per_rank", group.threads()},
               {"bind", request.options.comm.bind},
               {"cpus", cpus},
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
  if (start.repeated_steps > 0) life["repeated_steps"] = start.repeated_steps;
  if (!start.taken_from.empty()) life["lock_taken_from"] = start.taken_from;
  manifest["lives"].push_back(life);
  write_file_atomically(path, manifest.dump(2) + "\n", ErrorKind::kUsage);
}

void require_progress(const TrainRequest& request, const EarlierStarts& earlier, int64_t first_step,
                      ProcessGroup& group) {
  if (request.run_dir.empty() || request.resume != "auto") return;
  std::optional<Error> refusal;
  if (group.is_root()) {
    refusal = refusal_of_start(
        earlier.lives,
        {.first_step = first_step,
         .config_sha256 = sha256(request.resolved_config),
         .most_without_progress = request.options.checkpoint.most_starts_without_progress});
  }
  const std::string kind = group.broadcast_text(refusal ? kind_name(refusal->kind()) : "");
  const std::string sentence = group.broadcast_text(refusal ? refusal->what() : "");
  if (!kind.empty()) throw Error(kind_named(kind).value_or(ErrorKind::kInternal), sentence, "", "");
}

void record_end(const std::filesystem::path& run_dir, const std::string& reason, int64_t step) {
  const std::filesystem::path path = run_dir / "manifest.json";
  json manifest = read_json_file(path, ErrorKind::kUsage);
  if (!manifest.is_object() || !manifest["lives"].is_array() || manifest["lives"].empty()) return;
  manifest["lives"].back()["ended"] = {
      {"unix_seconds", unix_seconds()}, {"step", step}, {"reason", reason}};
  write_file_atomically(path, manifest.dump(2) + "\n", ErrorKind::kUsage, Parents::kMustBeThere);
}

}  // namespace catamaran
