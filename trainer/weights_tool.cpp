// weights inspect, check, import, export of trainer/api.h.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "model/weights.h"
#include "support/atomic_file.h"
#include "support/error.h"
#include "trainer/api.h"
#include "trainer/checkpoint.h"

namespace catamaran {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kBackbonePrefix = "backbone.";

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (const int64_t side : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

}  // namespace

std::string inspect_weights(const fs::path& given, bool as_json) {
  const fs::path file = weights_file_of(given, "auto");
  std::map<std::string, std::string> metadata;
  const std::vector<TensorInfo> tensors = list_safetensors(file, &metadata);
  int64_t bytes = 0;
  json list = json::array();
  std::string text;
  for (const TensorInfo& tensor : tensors) {
    bytes += tensor.bytes;
    list.push_back({{"name", tensor.name},
                    {"dtype", tensor.dtype},
                    {"shape", tensor.shape},
                    {"bytes", tensor.bytes}});
    char line[256];
    std::snprintf(line, sizeof line, "%-60s %-5s %s\n", tensor.name.c_str(), tensor.dtype.c_str(),
                  shape_text(tensor.shape).c_str());
    text += line;
  }
  if (as_json)
    return json{
               {"file", file.string()}, {"metadata", metadata}, {"tensors", list}, {"bytes", bytes}}
               .dump(2) +
           "\n";
  for (const auto& [key, value] : metadata) text += "metadata " + key + ": " + value + "\n";
  return text + std::to_string(tensors.size()) + " tensors, " + std::to_string(bytes) +
         " bytes in " + file.string() + "\n";
}

std::string check_backbone_weights(const fs::path& file, const CatOptions& model, bool as_json) {
  Cat cat(model, /*labels=*/1);
  const Coverage coverage = load_backbone(*cat, file);
  return as_json ? coverage.json() : coverage.table();
}

void export_weights(const fs::path& checkpoint, const std::string& weights, bool backbone_only,
                    const fs::path& out) {
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

std::string import_weights(const fs::path& file, const CatOptions& model,
                           const std::vector<std::string>& classes, const fs::path& out,
                           bool as_json) {
  if (classes.empty())
    throw UsageError("there are no class names", "--classes",
                     "name a file with one class a line, or a pack");
  Cat cat(model, static_cast<int64_t>(classes.size()));
  initialise(*cat, 1);
  const TensorFile given = read_safetensors(file);
  const bool whole_model = given.tensors.contains("alpha");  // every Cat has it, no backbone does
  const Coverage coverage =
      whole_model ? load_state(*cat, given.tensors) : load_backbone(*cat, file);
  if (!coverage.complete()) {
    throw WeightsError("the file does not cover the model:\n" + coverage.table(), file.string(),
                       "check model.backbone.name; names follow timm");
  }
  NamedTensors state;
  for (const auto& [name, tensor] : state_dict(*cat)) state.emplace_back(name, tensor.detach());
  save_model(out, state, model, classes);
  return as_json ? coverage.json() : coverage.table();
}

}  // namespace catamaran
