#include "trainer/thresholds.h"

#include <algorithm>

#include "dataio/pack_reader.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "support/json.h"
#include "support/log.h"
#include "support/text.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kFormatVersion = 1;
constexpr ErrorKind kKind = ErrorKind::kData;

const char* text_of(HeldOut held_out) {
  return held_out == HeldOut::kYes ? "yes" : held_out == HeldOut::kNo ? "no" : "not known";
}

// The fingerprint of the pack a weights file was trained on; empty where nothing beside it says.
std::string trained_on(const fs::path& weights_file) {
  std::error_code code;
  const fs::path state = weights_file.parent_path() / "state.json";
  if (!fs::exists(state, code)) return "";
  const json root = read_json_file(state, ErrorKind::kWeights);
  return json_field<std::string>(root, "train_fingerprint", state.string(), ErrorKind::kWeights);
}

void warn_of_other_scores(const json& root, const std::string& where, const ScoreSource& source) {
  if (!root.contains("models") || !root.contains("augment")) return;  // made by hand
  const auto scores = [](size_t count, const std::string& views) {
    return text("the mean of %zu model(s), views: %s", count, views.c_str());
  };
  const std::string there =
      scores(json_field<std::vector<std::string>>(root, "models", where, kKind).size(),
             json_field<std::string>(root, "augment", where, kKind));
  const std::string here = scores(source.checkpoints, source.augment);
  if (there != here)
    log::warn(where + " was fitted for other scores: " + there + "; here: " + here);
}

}  // namespace

HeldOut require_held_out(const EvaluateRequest& request, bool allow_training_pack) {
  const PackReader pack(request.pack);
  std::vector<fs::path> checkpoints = request.ensemble;
  checkpoints.insert(checkpoints.begin(), request.checkpoint);
  HeldOut held_out = HeldOut::kYes;
  for (const fs::path& checkpoint : checkpoints) {
    const std::string fingerprint = trained_on(weights_file_of(checkpoint, request.weights));
    if (fingerprint.empty() && held_out == HeldOut::kYes) held_out = HeldOut::kNotKnown;
    if (fingerprint != pack.fingerprint()) continue;
    if (!allow_training_pack) {
      throw DataError(
          "the model was trained on this pack, whose scores say nothing about new images",
          pack.folder().string() + " for " + checkpoint.string(),
          "fit on a pack of other images, or pass --allow-training-pack, which the "
          "file records");
    }
    held_out = HeldOut::kNo;
  }
  return held_out;
}

void write_thresholds(const fs::path& path, const ThresholdRecord& record,
                      const ScoreTable& table) {
  const PackReader pack(record.request.pack);
  json models = json::array();
  models.push_back(weights_file_of(record.request.checkpoint, record.request.weights).string());
  for (const fs::path& more : record.request.ensemble)
    models.push_back(weights_file_of(more, record.request.weights).string());
  json classes = json::array();
  for (size_t c = 0; c < table.classes.size(); ++c) {
    const FittedThreshold& fit = record.fitted[c];
    classes.push_back({{"name", table.classes[c]},
                       {"threshold", fit.threshold},
                       {"fitted", fit.fitted},
                       {"positives", fit.positives},
                       {"f", fit.f},
                       {"f_at_default", fit.f_at_default}});
  }
  const json root = {{"format_version", kFormatVersion},
                     {"objective", {{"measure", "f"}, {"beta", record.objective.beta}}},
                     {"models", models},
                     {"augment", record.request.augment},
                     {"pack",
                      {{"folder", pack.folder().string()},
                       {"fingerprint", pack.fingerprint()},
                       {"images", pack.images()},
                       {"held_out", text_of(record.held_out)}}},
                     {"classes", classes}};
  write_file_atomically(path, json_text(root) + "\n", ErrorKind::kUsage);
}

std::vector<double> thresholds_for(const fs::path& file, double otherwise,
                                   const ScoreSource& source) {
  const std::vector<std::string>& classes = source.classes;
  if (file.empty()) return std::vector<double>(classes.size(), otherwise);
  const std::string where = file.string();
  const json root = read_json_file(file, kKind);
  const auto version = json_field<int64_t>(root, "format_version", where, kKind);
  if (version != kFormatVersion) {
    throw DataError("format version " + std::to_string(version) + " is not the " +
                        std::to_string(kFormatVersion) + " that this program reads",
                    where, "fit the thresholds again");
  }
  std::vector<double> values;
  std::vector<std::string> names;
  for (const json& entry : json_field<std::vector<json>>(root, "classes", where, kKind)) {
    names.push_back(json_field<std::string>(entry, "name", where, kKind));
    values.push_back(json_field<double>(entry, "threshold", where, kKind));
    if (!(values.back() >= 0 && values.back() <= 1)) {
      throw DataError("the threshold of '" + names.back() + "' is not in 0..1", where,
                      "correct it, or fit the thresholds again");
    }
  }
  const auto [in_file, in_model] =
      std::mismatch(names.begin(), names.end(), classes.begin(), classes.end());
  if (in_file == names.end() && in_model == classes.end()) {
    warn_of_other_scores(root, where, source);
    return values;
  }
  const std::string there = in_file == names.end() ? "nothing" : "'" + *in_file + "'";
  const std::string here = in_model == classes.end() ? "nothing" : "'" + *in_model + "'";
  throw DataError("class " + std::to_string(in_file - names.begin()) + " is " + there +
                      " in the file and " + here + " in the model " + source.checkpoint.string(),
                  where, "use thresholds that were fitted for this model");
}

}  // namespace catamaran
