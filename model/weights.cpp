#include "model/weights.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "model/part_names.h"
#include "support/assert.h"
#include "support/error.h"
#include "support/json.h"
#include "support/text.h"

namespace catamaran {
namespace {

using nlohmann::json;
using TensorMap = std::map<std::string, torch::Tensor>;

constexpr const char* kClassesKey = "catamaran.classes";
constexpr const char* kModelKey = "catamaran.model";
constexpr std::array<std::pair<std::string_view, int64_t>, 6> kLeastOfBackbones = {
    {{"resnext101", 80'000'000},
     {"resnet101", 40'000'000},
     {"resnext50", 20'000'000},
     {"resnet50", 20'000'000},
     {"convnext", 20'000'000},
     {"resnet18", 10'000'000}}};

int64_t values_in(const SafetensorsHeader& header) {
  int64_t values = 0;
  for (const SafetensorsEntry& entry : header.entries)
    values += entry.bytes / safetensors_dtype_bytes(entry.dtype);
  return values;
}

// Fewer values than any model of these options has: what a file must hold before memory is spent on
// the model that it describes.
int64_t least_values(const CatOptions& options, int64_t labels) {
  int64_t values = labels;
  for (const auto& [name, least] : kLeastOfBackbones) {
    if (options.backbone.name.starts_with(name)) values += least;
  }
  if (!options.fpn.enabled) return values;
  const int64_t d = options.attention.dim;
  const int64_t blocks = (options.lrd_enabled ? 1 : 0) + (options.cla.enabled ? 2 : 0);
  const int64_t kernel = options.fpn.topdown == "deconv" ? 4 : 9;
  const int64_t paths = options.fpn.share_td_conv ? 1 : 2;
  return values + 3 * d * labels + paths * kernel * d * d +
         blocks * (4 * d * d + 2 * d * options.attention.ffn_dim);
}

TensorMap tensors_of(const std::filesystem::path& file) { return read_safetensors(file).tensors; }

}  // namespace

NamedTensors state_dict(torch::nn::Module& module) {
  NamedTensors state;
  for (const auto& item : module.named_parameters()) state.emplace_back(item.key(), item.value());
  for (const auto& item : module.named_buffers()) state.emplace_back(item.key(), item.value());
  return state;
}

Coverage load_state(torch::nn::Module& module, const TensorMap& tensors, Copy copy) {
  return copy_covered(state_dict(module), tensors, copy);
}

bool holds_whole_model(const SafetensorsHeader& header) {
  const auto any = [&](std::string_view prefix) {
    return std::ranges::any_of(header.entries,
                               [&](const auto& entry) { return entry.name.starts_with(prefix); });
  };
  return any(kBackbonePrefix) && any("head1.fc.");
}

Coverage load_backbone(CatImpl& cat, const std::filesystem::path& file, Copy copy) {
  TensorMap given;
  for (const auto& [name, tensor] : tensors_of(file)) {
    const std::string plain =
        name.starts_with(kBackbonePrefix) ? name.substr(kBackbonePrefix.size()) : name;
    if (cat.backbone().is_past_end(plain)) continue;
    const std::string timm = std::string(kBackbonePrefix) + cat.backbone().timm_name(plain);
    // A second tensor of the same name keeps the file's, so that the table shows it as unexpected.
    if (!given.emplace(timm, tensor).second) given.emplace("(again) " + name, tensor);
  }
  NamedTensors wanted;
  for (const auto& [name, tensor] : state_dict(cat)) {
    if (!name.starts_with(kBackbonePrefix)) continue;
    wanted.emplace_back(name, tensor);
    const auto found = given.find(name);  // torchvision's layer scales are C x 1 x 1
    if (found != given.end() && tensor.dim() == 1 && found->second.dim() > 1 &&
        found->second.size(0) == found->second.numel())
      found->second = found->second.flatten();
  }
  return copy_covered(wanted, given, copy);
}

Coverage load_whole_model(CatImpl& cat, const std::filesystem::path& file,
                          const std::vector<std::string>& classes, Copy copy) {
  const SafetensorsHeader header = list_safetensors(file);
  TensorMap given = tensors_of(file);
  std::vector<std::string> refused;
  if (header.metadata.contains(kClassesKey)) {
    const std::vector<std::string> in_file = described_classes(header, file.string());
    if (in_file != classes) {
      std::erase_if(given, [&](const auto& item) {
        if (!is_of_heads(item.first)) return false;
        refused.push_back(item.first);
        return true;
      });
      for (std::string& name : refused) name += ": " + first_difference(in_file, classes);
    }
  }
  if (!refused.empty() && copy == Copy::kAllOrNothing) copy = Copy::kNothing;
  Coverage coverage = load_state(cat, given, copy);
  std::erase_if(coverage.missing, [&](const std::string& name) {
    return std::ranges::any_of(refused, [&](const auto& r) { return r.starts_with(name + ":"); });
  });
  coverage.shape_mismatch.insert(coverage.shape_mismatch.end(), refused.begin(), refused.end());
  return coverage;
}

std::vector<std::string> other_switches(const SafetensorsHeader& header, const CatOptions& options,
                                        const std::string& where) {
  // These change how a model is trained or at which size it looks, not which function it is.
  constexpr std::array<std::string_view, 4> kFree = {"input.size", "backbone.bn",
                                                     "attention.dropout", "head.frozen_fusion"};
  std::vector<std::string> others;
  if (!describes_model(header)) return others;
  const json there = json::parse(to_json(described_options(header, where)));
  const json here = json::parse(to_json(options));
  for (const auto& [key, value] : there.items()) {
    if (std::ranges::find(kFree, key) == kFree.end() && here.at(key) != value)
      others.push_back("the file's model is another: " + key + ": " + value.dump() +
                       " in the file, " + here.at(key).dump() + " here");
  }
  return others;
}

std::string other_normalisation(const CatOptions& options) {
  const std::optional<InputStatistics> wanted = published_input(options.backbone.name);
  if (!wanted || (options.input.mean == wanted->mean && options.input.std == wanted->std))
    return "";
  const auto list = [](const std::array<double, 3>& v) {
    return text("[%g, %g, %g]", v[0], v[1], v[2]);
  };
  return "the published weights of " + options.backbone.name +
         " want model.input.mean = " + list(wanted->mean) + " and std = " + list(wanted->std) +
         ", here they are " + list(options.input.mean) + " and " + list(options.input.std) +
         ": right only for weights that were trained so";
}

bool describes_model(const SafetensorsHeader& header) {
  return header.metadata.contains(kModelKey) && header.metadata.contains(kClassesKey);
}

CatOptions described_options(const SafetensorsHeader& header, const std::string& where) {
  return cat_options_from_json(header.metadata.at(kModelKey), where);
}

std::vector<std::string> described_classes(const SafetensorsHeader& header,
                                           const std::string& where) {
  const json names = parse_json(header.metadata.at(kClassesKey), where, ErrorKind::kWeights);
  std::vector<std::string> classes;
  if (names.is_array()) {
    for (const json& name : names)
      classes.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  if (classes.empty() || std::ranges::find(classes, "") != classes.end())
    throw WeightsError("the list of classes is no list of names", where, "export the file again");
  if (std::set<std::string>(classes.begin(), classes.end()).size() != classes.size())
    throw WeightsError("two classes have the same name", where, "export the file again");
  if (std::ssize(classes) > kMostLabels) {
    throw WeightsError("the file claims " + std::to_string(classes.size()) + " classes, at most " +
                           std::to_string(kMostLabels) + " can be",
                       where, "export the file again");
  }
  return classes;
}

void require_enough_values(const SafetensorsHeader& header, const CatOptions& options,
                           int64_t labels, const std::string& where) {
  if (values_in(header) >= least_values(options, labels)) return;
  throw WeightsError(
      "the file holds " + std::to_string(values_in(header)) + " values, too few for the model",
      where, "check the model's options; if they are the file's own, copy or export it again");
}

void save_model(const std::filesystem::path& file, const NamedTensors& state,
                const CatOptions& options, const std::vector<std::string>& classes,
                const std::map<std::string, std::string>& more) {
  for (const auto& [name, tensor] : state) {
    CATAMARAN_ASSERT(!name.ends_with(Backbone::kFoldedMark),
                     "a model with folded batch norm is not saved; keep the one it was made from");
  }
  std::map<std::string, std::string> metadata = more;
  metadata["format"] = "pt";
  metadata[kClassesKey] = json(classes).dump();
  metadata[kModelKey] = to_json(options);
  write_safetensors(file, state, metadata);
}

Cat load_model(const std::filesystem::path& file, std::vector<std::string>& classes) {
  const SafetensorsHeader header = list_safetensors(file);
  if (!describes_model(header)) {
    throw WeightsError("the file does not say which model and classes it holds", file.string(),
                       "make one with `catamaran weights import`, or name a checkpoint of a run");
  }
  classes = described_classes(header, file.string());
  const CatOptions options = described_options(header, file.string());
  const auto labels = static_cast<int64_t>(classes.size());
  require_enough_values(header, options, labels, file.string());
  Cat cat(options, labels);
  const Coverage coverage = load_state(*cat, tensors_of(file));
  if (!coverage.complete()) {
    throw WeightsError("the tensors do not fit the model it describes:\n" + coverage.table(),
                       file.string(), "export the file again, or import it with `weights import`");
  }
  return cat;
}

}  // namespace catamaran
