#include "model/weights.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "support/assert.h"
#include "support/error.h"
#include "support/json.h"

namespace catamaran {
namespace {

using nlohmann::json;
using TensorMap = std::map<std::string, torch::Tensor>;

constexpr const char* kClassesKey = "catamaran.classes";
constexpr const char* kModelKey = "catamaran.model";

bool is_counter(const std::string& name) { return name.ends_with("num_batches_tracked"); }

std::string shape_text(const torch::Tensor& tensor) {
  std::string text = "[";
  for (const int64_t side : tensor.sizes())
    text += (text.size() > 1 ? ", " : "") + std::to_string(side);
  return text + "]";
}

// Matches the wanted tensors with those given, and copies as the mode allows.
Coverage cover(const NamedTensors& wanted, const TensorMap& given, LoadMode mode) {
  Coverage coverage;
  std::set<std::string> used;
  for (const auto& [name, tensor] : wanted) {
    const auto found = given.find(name);
    if (!is_counter(name)) coverage.wanted_elements += tensor.numel();
    if (found == given.end()) {
      if (!is_counter(name)) coverage.missing.push_back(name);  // older files do not have it
      continue;
    }
    used.insert(name);
    if (found->second.sizes() != tensor.sizes()) {
      coverage.misshaped.push_back(name + ": file " + shape_text(found->second) + ", model " +
                                   shape_text(tensor));
      continue;
    }
    coverage.loaded.push_back(name);
    if (!is_counter(name)) coverage.loaded_elements += tensor.numel();
  }
  for (const auto& [name, tensor] : given) {
    if (!used.contains(name)) coverage.extra.push_back(name);
  }
  if (mode == LoadMode::kWhole && !coverage.complete()) return coverage;
  const torch::NoGradGuard no_grad;
  const std::set<std::string> fitting(coverage.loaded.begin(), coverage.loaded.end());
  for (const auto& [name, tensor] : wanted) {
    if (fitting.contains(name)) torch::Tensor(tensor).copy_(given.at(name));
  }
  return coverage;
}

void append_names(std::string& text, const char* title, const std::vector<std::string>& names) {
  constexpr size_t kMost = 20;
  if (names.empty()) return;
  text += std::string(title) + " (" + std::to_string(names.size()) + "):\n";
  for (size_t i = 0; i < std::min(kMost, names.size()); ++i) text += "  " + names[i] + "\n";
  if (names.size() > kMost) text += "  ... and " + std::to_string(names.size() - kMost) + " more\n";
}

}  // namespace

double Coverage::ratio() const {
  return wanted_elements > 0
             ? static_cast<double>(loaded_elements) / static_cast<double>(wanted_elements)
             : 0;
}

std::string Coverage::table() const {
  char line[160];
  std::snprintf(line, sizeof line, "%zu tensors fit, %.1f %% of the model's values (%ld of %ld)\n",
                loaded.size(), 100 * ratio(), loaded_elements, wanted_elements);
  std::string text = line;
  append_names(text, "missing in the file", missing);
  append_names(text, "of another shape", misshaped);
  append_names(text, "in the file, not in the model", extra);
  return text;
}

std::string Coverage::json() const {
  return nlohmann::json{{"ratio", ratio()},
                        {"loaded", loaded},
                        {"missing", missing},
                        {"misshaped", misshaped},
                        {"extra", extra},
                        {"loaded_elements", loaded_elements},
                        {"wanted_elements", wanted_elements}}
             .dump(2) +
         "\n";
}

NamedTensors state_dict(torch::nn::Module& module) {
  NamedTensors state;
  for (const auto& item : module.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

Coverage load_state(torch::nn::Module& module, const TensorMap& tensors, LoadMode mode) {
  return cover(state_dict(module), tensors, mode);
}

Coverage load_backbone(CatImpl& cat, const std::filesystem::path& file, LoadMode mode) {
  constexpr std::string_view kPrefix = "backbone.";
  TensorMap given;
  for (const auto& [name, tensor] : read_safetensors(file).tensors) {
    const std::string plain = name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name;
    if (cat.backbone().is_classifier(plain)) continue;
    const std::string timm = std::string(kPrefix) + cat.backbone().timm_name(plain);
    // A second tensor of the same name keeps the file's, so that the table shows it as extra.
    if (!given.emplace(timm, tensor).second) given.emplace("(again) " + name, tensor);
  }
  NamedTensors wanted;
  for (const auto& [name, tensor] : state_dict(cat)) {
    if (!name.starts_with(kPrefix)) continue;
    wanted.emplace_back(name, tensor);
    const auto found = given.find(name);  // torchvision's layer scales are C x 1 x 1
    if (found != given.end() && tensor.dim() == 1 && found->second.dim() > 1 &&
        found->second.size(0) == found->second.numel())
      found->second = found->second.flatten();
  }
  return cover(wanted, given, mode);
}

void save_model(const std::filesystem::path& file, const NamedTensors& state,
                const CatOptions& options, const std::vector<std::string>& classes) {
  for (const auto& [name, tensor] : state) {
    CATAMARAN_ASSERT(!name.ends_with(Backbone::kFoldedMark),
                     "a model with folded batch norm is not saved; keep the one it was made from");
  }
  write_safetensors(
      file, state,
      {{"format", "pt"}, {kClassesKey, json(classes).dump()}, {kModelKey, to_json(options)}});
}

std::vector<std::string> classes_of(const TensorFile& content, const std::filesystem::path& file) {
  const auto named = content.metadata.find(kClassesKey);
  if (named == content.metadata.end()) return {};
  const json names = parse_json(named->second, file.string(), ErrorKind::kWeights);
  std::vector<std::string> classes;
  if (names.is_array()) {
    for (const json& name : names)
      classes.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  if (classes.empty())
    throw WeightsError("the list of classes is empty or no list", file.string(), "");
  if (std::ssize(classes) > kMostLabels) {
    throw WeightsError("the file claims " + std::to_string(classes.size()) + " classes, at most " +
                           std::to_string(kMostLabels) + " can be",
                       file.string(), "");
  }
  return classes;
}

Cat load_model(const std::filesystem::path& file, std::vector<std::string>& classes) {
  const TensorFile content = read_safetensors(file);
  const auto described = content.metadata.find(kModelKey);
  classes = classes_of(content, file);
  if (described == content.metadata.end() || classes.empty()) {
    throw WeightsError("the file does not say which model and classes it holds", file.string(),
                       "make one with `catamaran weights import`, or name a checkpoint of a run");
  }
  Cat cat(cat_options_from_json(described->second, file.string()),
          static_cast<int64_t>(classes.size()));
  const Coverage coverage = load_state(*cat, content.tensors);
  if (!coverage.complete())
    throw WeightsError("the tensors do not fit the model it describes:\n" + coverage.table(),
                       file.string(), "");
  return cat;
}

}  // namespace catamaran
