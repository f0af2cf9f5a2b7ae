// weights inspect, check, import, export of trainer/api.h.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "model/part_names.h"
#include "model/pyramid_scale.h"
#include "model/weights.h"
#include "support/error.h"
#include "support/hash.h"
#include "support/json.h"
#include "support/text.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"
#include "trainer/evaluation_record.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kSeedOfNewParts = 1;  // of an import: layers that the file does not bring

// The one that is asked for, or else that which the file describes and has the values of.
CatOptions model_for(const std::optional<CatOptions>& given, const SafetensorsHeader& header,
                     int64_t labels, const fs::path& file) {
  if (given) return *given;
  const CatOptions model =
      describes_model(header) ? described_options(header, file.string()) : CatOptions();
  require_enough_values(header, model, labels, file.string());
  return model;
}

Coverage load_any(CatImpl& cat, const SafetensorsHeader& header, const fs::path& file,
                  const std::vector<std::string>& classes, Copy copy) {
  return holds_whole_model(header) ? load_whole_model(cat, file, classes, copy)
                                   : load_backbone(cat, file, copy);
}

std::vector<std::string> classes_for(const ImportRequest& request,
                                     const SafetensorsHeader& header) {
  if (!request.classes.empty()) return request.classes;
  if (describes_model(header)) return described_classes(header, request.file.string());
  throw UsageError("the file does not say which classes its heads are for", request.file.string(),
                   "give --pack, or --classes with a file of one name a line");
}

// Without names of classes: as many as the first head of a whole model has.
int64_t labels_of(const SafetensorsHeader& header) {
  for (const SafetensorsEntry& entry : header.entries) {
    if (entry.name == "head1.fc.bias" && entry.shape.size() == 1)
      return std::clamp<int64_t>(entry.shape[0], 1, kMostLabels);
  }
  return 1;
}

void stop_when_partial(const Coverage& coverage, const ImportRequest& request) {
  if (coverage.complete() || (request.allow_partial && !coverage.loaded.empty())) return;
  const char* hint =
      coverage.loaded.empty()
          ? "check model.backbone.name; names follow timm"
          : "check the model's options, or take what fits with --allow-partial; the rest is random";
  throw WeightsError("the file does not cover the model:\n" + coverage.table(),
                     request.file.string(), hint);
}

// What fits and may still not be meant.
std::vector<std::string> notes_of(const SafetensorsHeader& header, const CatOptions& model,
                                  const fs::path& file) {
  std::vector<std::string> notes;
  if (!holds_whole_model(header)) {
    const std::string note = other_normalisation(model);
    if (!note.empty()) notes.push_back(note);
  }
  for (const std::string& other : other_switches(header, model, file.string()))
    notes.push_back(other);
  return notes;
}

}  // namespace

std::string inspect_weights(const fs::path& given, const std::string& weights, bool as_json) {
  const fs::path file = weights_file_of(given, weights);
  const SafetensorsHeader header = list_safetensors(file);
  int64_t bytes = 0;
  json list = json::array();
  std::string text;
  for (const SafetensorsEntry& tensor : header.entries) {
    bytes += tensor.bytes;
    list.push_back({{"name", tensor.name},
                    {"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"bytes", tensor.bytes}});
    text += catamaran::text("%-60s %-5s %s\n", tensor.name.c_str(), tensor.dtype.c_str(),
                            shape_text(tensor.shape).c_str());
  }
  if (as_json)
    return json{{"file", file.string()},
                {"metadata", header.metadata},
                {"tensors", list},
                {"bytes", bytes}}
               .dump(2) +
           "\n";
  for (const auto& [key, value] : header.metadata) text += "metadata " + key + ": " + value + "\n";
  return text + std::to_string(header.entries.size()) + " tensors, " + std::to_string(bytes) +
         " bytes in " + file.string() + "\n";
}

WeightsCheck check_weights(const fs::path& file, const std::optional<CatOptions>& model,
                           bool as_json) {
  const SafetensorsHeader header = list_safetensors(file);
  const std::vector<std::string> classes =
      describes_model(header)
          ? described_classes(header, file.string())
          : std::vector<std::string>(static_cast<size_t>(labels_of(header)), "any");
  Cat cat(model_for(model, header, std::ssize(classes), file), std::ssize(classes));
  const Coverage coverage = load_any(*cat, header, file, classes, Copy::kNothing);
  return {as_json ? coverage.json() : coverage.table(), coverage.complete()};
}

void export_weights(const fs::path& checkpoint, const std::string& weights, bool backbone_only,
                    const fs::path& out) {
  if (out.extension() == ".onnx") {
    throw UsageError("ONNX is written by a script", out.string(),
                     "run scripts/export_onnx.py " + checkpoint.string() + " " + out.string());
  }
  const fs::path source = weights_file_of(checkpoint, weights);
  const TensorFile file = read_safetensors(source);
  NamedTensors tensors;
  for (const auto& [name, tensor] : file.tensors) {
    if (!backbone_only) {
      tensors.emplace_back(name, tensor);
    } else if (name.starts_with(kBackbonePrefix)) {
      tensors.emplace_back(name.substr(kBackbonePrefix.size()), tensor);
    }
  }
  if (tensors.empty())
    throw WeightsError("there is no tensor to export", source.string(),
                       "is it a Catamaran checkpoint?");
  write_safetensors(
      out, tensors,
      backbone_only ? std::map<std::string, std::string>{{"format", "pt"}} : file.metadata);
}

std::string import_weights(const ImportRequest& request) {
  const SafetensorsHeader header = list_safetensors(request.file);
  const std::vector<std::string> classes = classes_for(request, header);
  const CatOptions model = model_for(request.model, header, std::ssize(classes), request.file);
  Cat cat(model, std::ssize(classes));
  initialise(*cat, kSeedOfNewParts);
  const Coverage coverage = load_any(*cat, header, request.file, classes,
                                     request.allow_partial ? Copy::kWhatFits : Copy::kAllOrNothing);
  stop_when_partial(coverage, request);
  if (!holds_whole_model(header)) calibrate_pyramid(*cat, kSeedOfNewParts);
  NamedTensors state;
  for (const auto& [name, tensor] : state_dict(*cat)) state.emplace_back(name, tensor.detach());
  json source = {{"file", request.file.filename().string()},
                 {"sha256", sha256_of_file(request.file)}};
  if (const auto from = header.metadata.find(kSourceKey); from != header.metadata.end())
    source["from"] = parse_json(from->second, request.file.string(), ErrorKind::kWeights);
  const EvaluationCrop recorded =
      recorded_evaluation(header, model.input.size, request.file.string());
  const EvaluationCrop view = request.view.value_or(recorded);
  save_model(request.out, state, model, classes,
             {{kSourceKey, json_text(source, -1)},
              {kEvaluationKey, evaluation_record(view, model.input.size)}});
  const char* kind = holds_whole_model(header) ? "whole model" : "backbone";
  std::vector<std::string> notes = notes_of(header, model, request.file);
  if (evaluation_record(view, model.input.size) != evaluation_record(recorded, model.input.size))
    notes.push_back("the file was evaluated with " + evaluation_record(recorded, model.input.size) +
                    ", the result is with " + evaluation_record(view, model.input.size));
  if (!request.json) {
    std::string text = std::string(kind) + ", SHA-256 " + source["sha256"].get<std::string>() +
                       "\n" + coverage.table();
    for (const std::string& note : notes) text += "note: " + note + "\n";
    return text;
  }
  json report = json::parse(coverage.json());
  report["kind"] = kind;
  report["notes"] = notes;
  report["source"] = source;
  report["out"] = request.out.string();
  return json_text(report) + "\n";
}

}  // namespace catamaran
