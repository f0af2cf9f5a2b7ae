#include "trainer/checkpoint.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <string_view>
#include <system_error>
#include <utility>

#include "model/weights.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/file_beginning.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/evaluation_record.h"
#include "trainer/options.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr ErrorKind kKind = ErrorKind::kWeights;

constexpr const char* kCheckpointPrefix = "step-";
constexpr size_t kCheckpointDigits = 8;

bool is_checkpoint_name(const std::string& name) {
  return is_numbered_name(name, kCheckpointPrefix, kCheckpointDigits);
}

// "" where the file is missing, cannot be read or says something else. It may be anybody's: no more
// is read than a name and some white space, and nobody is waited for who writes into a pipe.
std::string name_in_file(const fs::path& file) {
  constexpr std::string_view kSpace = " \t\r\n";
  constexpr size_t kMost = 64;
  const FileDescriptor opened(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  const std::string text = beginning_of(opened, kMost);
  if (text.size() == kMost) return "";
  std::string_view name(text);
  name.remove_prefix(std::min(name.find_first_not_of(kSpace), name.size()));
  const std::string word(name.substr(0, name.find_first_of(kSpace)));
  return is_checkpoint_name(word) ? word : "";
}

bool is_there(const fs::path& file) {
  std::error_code code;
  return fs::exists(fs::symlink_status(file, code));
}

// "" before the first evaluation.
std::string best_name(const CheckpointState& state) {
  return state.best_map >= 0 ? checkpoint_name(state.best_step) : "";
}

// As the newest state that can be read tells it; "" where none does.
std::string recorded_best(const fs::path& folder) {
  for (const fs::path& path : checkpoints_newest_first(folder, latest_checkpoint_name(folder))) {
    try {
      return best_name(read_checkpoint_record(path).state);
    } catch (const Error&) {  // an older one tells it, too
      continue;
    }
  }
  return "";
}

// At once, instead of a disk that is full and a file that is cut off.
void require_room(const fs::path& folder, const CheckpointContents& contents,
                  std::optional<int64_t> available) {
  int64_t bytes = 0;
  for (const NamedTensors* part : {&contents.model, &contents.ema, &contents.optimizer}) {
    for (const auto& [name, tensor] : *part) bytes += static_cast<int64_t>(tensor.nbytes());
  }
  const int64_t needed = bytes + bytes / 20;  // headers, names and the file system's own
  if (!available || *available >= needed) return;
  throw WeightsError(
      text("a checkpoint needs %ld bytes (5 %% to spare), and %ld are free there", needed,
           *available),
      folder.string(),
      "free some space; `catamaran checkpoint prune` deletes what a run no longer needs");
}

json state_json(const CheckpointState& state, const std::map<std::string, std::string>& checksums) {
  return {{"format_version", kCheckpointFormatVersion},
          {"step", state.step},
          {"epoch", state.epoch},
          {"step_in_epoch", state.step_in_epoch},
          {"ema_updates", state.ema_updates},
          {"skipped_in_row", state.skipped_in_row},
          {"substituted", state.substituted},
          {"precision", state.precision},
          {"loss_scaled", state.loss_scaled},
          {"loss_scale", state.loss_scale},
          {"loss_scale_applied", state.loss_scale_applied},
          {"world", state.world},
          {"global_batch", state.global_batch},
          {"seed", state.seed},
          {"train_fingerprint", state.train_fingerprint},
          {"optimizer", state.optimizer},
          {"optimizer_settings", state.optimizer_settings},
          {"settings", state.settings},
          {"model", json::parse(state.model)},
          {"evaluated_step", state.evaluated_step},
          {"best_map", state.best_map},
          {"best_step", state.best_step},
          {"classes", state.classes},
          {"checksums", checksums}};
}

// Numbers that no run writes, but a damaged or made-up file may hold.
void require_plausible(const CheckpointState& state, const std::string& where) {
  const auto require = [&](bool holds, const char* key, int64_t value) {
    if (!holds) {
      throw WeightsError(text("\"%s\" cannot be %ld", key, value), where,
                         "resume from another checkpoint");
    }
  };
  require(state.step >= 0 && state.step <= kMostSteps, "step", state.step);
  require(state.epoch >= 0 && state.epoch <= state.step, "epoch", state.epoch);
  require(state.step_in_epoch >= 0 && state.step_in_epoch <= state.step, "step_in_epoch",
          state.step_in_epoch);
  require(state.ema_updates >= 0 && state.ema_updates <= state.step, "ema_updates",
          state.ema_updates);
  require(state.skipped_in_row >= 0 && state.skipped_in_row <= state.step, "skipped_in_row",
          state.skipped_in_row);
  require(state.substituted >= 0, "substituted", state.substituted);
  require(state.world >= 1, "world", state.world);
  require(state.global_batch >= 0, "global_batch", state.global_batch);
  require(state.best_step >= 0 && state.best_step <= state.step, "best_step", state.best_step);
}

}  // namespace

std::string checkpoint_name(int64_t step) {
  char name[32];
  std::snprintf(name, sizeof name, "%s%0*ld", kCheckpointPrefix,
                static_cast<int>(kCheckpointDigits), step);
  return name;
}

std::optional<int64_t> step_of_checkpoint(const std::string& name) {
  if (!is_checkpoint_name(name)) return std::nullopt;
  return std::stol(name.substr(std::string_view(kCheckpointPrefix).size()));
}

// A run that went back to an earlier step has abandoned the higher ones, which come last.
std::vector<fs::path> checkpoints_newest_first(const fs::path& folder, const std::string& newest) {
  std::vector<fs::path> found;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, code)) {
    if (entry.is_directory() && is_checkpoint_name(entry.path().filename().string()))
      found.push_back(entry.path());
  }
  if (code && code != std::errc::no_such_file_or_directory) {
    throw WeightsError(with_errno("cannot list the checkpoints", code.value()), folder.string(),
                       "check the path and its permissions");
  }
  const auto abandoned = [&](const fs::path& path) {
    return !newest.empty() && path.filename().string() > newest;  // numbers of equal length
  };
  std::sort(found.begin(), found.end(), [&](const fs::path& a, const fs::path& b) {
    return std::pair(!abandoned(a), a) > std::pair(!abandoned(b), b);
  });
  return found;
}

std::string latest_checkpoint_name(const fs::path& folder) {
  return name_in_file(folder / "latest");
}

fs::path checkpoint_by_name(const fs::path& given) {
  const std::string word = given.filename().string();
  const fs::path folder = given.parent_path();
  std::error_code code;
  const bool is_name = (word == "latest" || word == "best") && folder.filename() == "checkpoints";
  if (!is_name || fs::is_directory(given, code)) return given;
  std::string name = name_in_file(given);
  if (name.empty() && word == "best") name = recorded_best(folder);
  if (!name.empty() && fs::is_directory(folder / name, code)) return folder / name;
  const char* without_name = is_there(given) ? "it names no checkpoint, or cannot be read"
                                             : "the run has no such checkpoint";
  throw WeightsError(name.empty() ? without_name : "it names " + name + ", which is gone",
                     given.string(), "`catamaran checkpoint list RUN` shows those that are there");
}

std::optional<int64_t> available_bytes(const fs::path& folder) {
  std::error_code code;
  const fs::space_info space = fs::space(folder, code);
  if (code || space.capacity == 0) return std::nullopt;
  constexpr std::uintmax_t kMost = std::numeric_limits<int64_t>::max();
  return static_cast<int64_t>(std::min(space.available, kMost));
}

int64_t write_checkpoint(const fs::path& folder, const CheckpointContents& contents,
                         const AvailableBytes& available, const std::function<void()>& may_write) {
  require_room(folder, contents, available(folder));
  AtomicDirectory out(folder / checkpoint_name(contents.state.step), /*replace=*/true, kKind);
  const CatOptions options = cat_options_from_json(contents.state.model, "the running model");
  const auto save = [&](const char* name, const NamedTensors& tensors) {
    save_model(out.path() / name, tensors, options, contents.state.classes,
               {{kEvaluationKey, evaluation_record(contents.view, options.input.size)}});
  };
  save("model.safetensors", contents.model);
  if (!contents.ema.empty()) save("ema.safetensors", contents.ema);
  write_safetensors(out.path() / "optimizer.safetensors", contents.optimizer, {{"format", "pt"}});
  std::map<std::string, std::string> checksums;
  int64_t bytes = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(out.path())) {
    checksums[entry.path().filename().string()] = to_hex(xxh3_of_file(entry.path()));
    bytes += static_cast<int64_t>(entry.file_size());
  }
  write_file_atomically(out.path() / "state.json",
                        state_json(contents.state, checksums).dump(2) + "\n", kKind);
  out.commit(Durability::kDurable, may_write);
  may_write();
  write_file_atomically(folder / "latest", checkpoint_name(contents.state.step) + "\n", kKind);
  const std::string best = best_name(contents.state);
  std::error_code code;
  if (!best.empty() && best != name_in_file(folder / "best") && fs::exists(folder / best, code)) {
    may_write();
    write_file_atomically(folder / "best", best + "\n", kKind);
  }
  return bytes;
}

std::vector<fs::path> superseded_checkpoints(const fs::path& folder, const Retention& retention,
                                             int64_t best_step, int64_t written_step) {
  const std::vector<fs::path> all = checkpoints_newest_first(folder, checkpoint_name(written_step));
  std::vector<fs::path> superseded;
  for (size_t i = static_cast<size_t>(std::max<int64_t>(1, retention.keep)); i < all.size(); ++i) {
    const int64_t step = *step_of_checkpoint(all[i].filename().string());
    const bool for_good = retention.keep_every_steps > 0 && step > 0 && step <= written_step &&
                          step % retention.keep_every_steps == 0;
    if (step != best_step && !for_good) superseded.push_back(all[i]);
  }
  return superseded;
}

void remove_old_checkpoints(const fs::path& folder, const Retention& retention, int64_t best_step,
                            int64_t written_step) {
  for (const fs::path& path : superseded_checkpoints(folder, retention, best_step, written_step)) {
    std::error_code code;
    fs::remove_all(path, code);
  }
}

CheckpointRecord read_checkpoint_record(const fs::path& checkpoint) {
  const fs::path file = checkpoint / "state.json";
  const std::string where = file.string();
  const json root = read_json_file(file, kKind);
  const auto version = json_field<int64_t>(root, "format_version", where, kKind);
  if (version != kCheckpointFormatVersion) {
    throw WeightsError("format version " + std::to_string(version) + " is not the " +
                           std::to_string(kCheckpointFormatVersion) + " that this program reads",
                       where, "use the catamaran that wrote it");
  }
  CheckpointRecord record;
  record.checksums =
      json_field<std::map<std::string, std::string>>(root, "checksums", where, kKind);
  CheckpointState& state = record.state;
  state.step = json_field<int64_t>(root, "step", where, kKind);
  state.epoch = json_field<int64_t>(root, "epoch", where, kKind);
  state.step_in_epoch = json_field<int64_t>(root, "step_in_epoch", where, kKind);
  state.ema_updates = json_field<int64_t>(root, "ema_updates", where, kKind);
  state.skipped_in_row = json_field<int64_t>(root, "skipped_in_row", where, kKind);
  if (root.contains("substituted"))  // not in checkpoints of before
    state.substituted = json_field<int64_t>(root, "substituted", where, kKind);
  state.world = json_field<int64_t>(root, "world", where, kKind);
  if (root.contains("precision")) {  // checkpoints of 0.1 were fp32 and do not say so
    state.precision = json_field<std::string>(root, "precision", where, kKind);
    state.loss_scale = json_field<double>(root, "loss_scale", where, kKind);
    state.loss_scale_applied = json_field<int64_t>(root, "loss_scale_applied", where, kKind);
    state.loss_scaled = root.contains("loss_scaled")  // 0.1 scaled where it computed in fp16
                            ? json_field<bool>(root, "loss_scaled", where, kKind)
                            : state.precision == "fp16";
  }
  state.global_batch = json_field<int64_t>(root, "global_batch", where, kKind);
  state.seed = json_field<uint64_t>(root, "seed", where, kKind);
  state.train_fingerprint = json_field<std::string>(root, "train_fingerprint", where, kKind);
  state.optimizer = json_field<std::string>(root, "optimizer", where, kKind);
  if (root.contains("optimizer_settings")) {
    state.optimizer_settings =
        json_field<std::map<std::string, std::string>>(root, "optimizer_settings", where, kKind);
  }
  if (root.contains("settings")) {
    state.settings = json_field<std::map<std::string, std::string>>(root, "settings", where, kKind);
  }
  state.model = json_field<json>(root, "model", where, kKind).dump();
  state.evaluated_step = json_field<int64_t>(root, "evaluated_step", where, kKind);
  state.best_map = json_field<double>(root, "best_map", where, kKind);
  state.best_step = json_field<int64_t>(root, "best_step", where, kKind);
  state.classes = json_field<std::vector<std::string>>(root, "classes", where, kKind);
  require_plausible(state, where);
  return record;
}

void require_whole_files(const fs::path& checkpoint, const CheckpointRecord& record,
                         const std::function<void(int64_t bytes)>& read) {
  for (const auto& [name, checksum] : record.checksums) {
    const fs::path part = checkpoint / fs::path(name).filename();
    std::error_code code;
    if (!fs::is_regular_file(part, code)) {
      throw WeightsError("the file is missing", part.string(), "resume from another checkpoint");
    }
    if (to_hex(xxh3_of_file(part, read)) != checksum) {
      throw WeightsError("the file is damaged: its checksum is not the one in state.json",
                         part.string(), "resume from another checkpoint");
    }
  }
}

CheckpointState read_checkpoint_state(const fs::path& checkpoint) {
  const CheckpointRecord record = read_checkpoint_record(checkpoint);
  require_whole_files(checkpoint, record);
  return record.state;
}

std::optional<fs::path> find_checkpoint(const fs::path& folder) {
  const std::string latest = latest_checkpoint_name(folder);
  if (latest.empty() && is_there(folder / "latest"))
    log::warn((folder / "latest").string() +
              ": it names no checkpoint, or cannot be read; the newest complete one is taken");
  const std::vector<fs::path> candidates = checkpoints_newest_first(folder, latest);
  std::string first_problem;
  for (const fs::path& candidate : candidates) {
    try {
      read_checkpoint_state(candidate);
      return candidate;
    } catch (const Error& problem) {
      if (first_problem.empty()) first_problem = problem.what();
      log::warn(std::string(problem.what()) + "; trying an older checkpoint");
    }
  }
  if (candidates.empty()) return std::nullopt;
  throw WeightsError("none of the " + std::to_string(candidates.size()) +
                         " checkpoints can be read; of the newest: " + first_problem,
                     folder.string(),
                     "copy a good one there, or start a new run in another --run-dir");
}

std::string recorded_precision(const fs::path& weights_file) {
  const fs::path file = weights_file.parent_path() / "state.json";
  std::error_code code;
  if (!fs::is_regular_file(file, code)) return "fp32";
  const json root = read_json_file(file, kKind);
  if (!root.contains("precision")) return "fp32";
  return json_field<std::string>(root, "precision", file.string(), kKind);
}

fs::path weights_file_of(const fs::path& named, const std::string& weights) {
  const fs::path given = checkpoint_by_name(named);
  std::error_code code;
  if (fs::is_regular_file(given, code)) return given;
  fs::path checkpoint = given;
  if (fs::exists(given / "state.json", code)) {
    read_checkpoint_state(given);  // the one that was asked for must be whole
  } else {
    const fs::path folder =
        fs::is_directory(given / "checkpoints", code) ? given / "checkpoints" : given;
    const std::optional<fs::path> newest = find_checkpoint(folder);
    if (!newest) {
      throw WeightsError("there is no checkpoint", given.string(),
                         "name a checkpoint folder (RUN/checkpoints/step-...), a run directory or "
                         "a .safetensors file");
    }
    checkpoint = *newest;
    log::info("using " + checkpoint.string());
  }
  const bool has_ema = fs::exists(checkpoint / "ema.safetensors", code);
  if (weights == "ema" && !has_ema) {
    throw WeightsError("the checkpoint has no averaged weights", checkpoint.string(),
                       "use --weights raw");
  }
  return checkpoint / (weights == "raw" || !has_ema ? "model.safetensors" : "ema.safetensors");
}

}  // namespace catamaran
